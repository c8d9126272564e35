/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules.h - what an alert rule says, and how it is judged on one entity.
 *
 * Flow:   YAML --(config room)--> struct vr_rule_spec[] --vr_rules_compile--> struct vr_rules,
 *         an immutable set that the engine judges with.
 * Language: the subset of PromQL that deploy/rules/RULES.md documents; an expression is present
 *         (a double) or absent, per entity.
 * Ownership: a set copies all text of its specs; free it when no engine uses it any more.
 * Threads: an immutable set may be read by several threads.                                   */
#include "virality/buf.h"
#include "virality/event.h"
#include "virality/json.h"
#include "virality/mem.h"
#include "virality/windows.h"

/* A position in a file, so that a message can name file:line:column (1-based; 0 = unknown). */
struct vr_pos { struct vr_str file; uint32_t line, column; };
struct vr_pair { struct vr_str name, value; };

enum vr_rule_on { VR_RULE_ON_CONTENT };

struct vr_rule_spec {
	struct vr_pos pos;			/* of the rule's `alert` key */
	struct vr_str alert;			/* name: [a-zA-Z_][a-zA-Z0-9_]* */
	struct vr_str expr, reset_expr;		/* reset_expr empty: none */
	struct vr_pos expr_pos, reset_pos;	/* of the scalar's first character */
	struct vr_span for_;			/* 0: none */
	enum vr_rule_on on;
	const struct vr_pair *labels, *annotations;	/* annotation values are templates */
	size_t n_labels, n_annotations;
};

/* One mistake: what was found and what was expected. */
struct vr_rule_error { struct vr_pos pos; char text[400]; };
struct vr_rule_errors {
	struct vr_rule_error *at;		/* caller's storage, cap of them */
	size_t n, cap;				/* n may exceed cap: so many were found */
};

/* What a selector asks for. */
enum vr_metric {
	VR_METRIC_TOTAL,		/* <plural>_total, events_total{action=}; channel optional */
	VR_METRIC_WINDOW,		/* <plural>{window=}, events{action=,window=}; channel only for shares */
	VR_METRIC_UNIQUE_SHARERS,
	VR_METRIC_MEAN_DEPTH,
	VR_METRIC_MAX_DEPTH,
	VR_METRIC_ROOT_SHARE_FRACTION,
	VR_METRIC_SHARE_VELOCITY,
};
struct vr_term {
	enum vr_metric metric;
	enum vr_action action;
	uint8_t window;
	struct vr_str channel;		/* empty: all channels */
};
/** The entity's figure now; false = absent (unknown). */
typedef bool vr_term_value_f(const void *entity, const struct vr_term *term, double *ret_value);

struct vr_rules;			/* opaque */
struct vr_rule;				/* one of a set */

/** Check and compile n specs. On failure (VR_E_CONFIG) every mistake of every rule is in *errors and nothing is made. */
VR_MUST enum vr_err vr_rules_compile(const struct vr_rule_spec *specs, size_t n, const struct vr_windows *windows,
	struct vr_mem *mem, struct vr_rules **ret, struct vr_rule_errors *errors);
void vr_rules_free(struct vr_rules *set);
size_t vr_rules_count(const struct vr_rules *set);
const struct vr_rule *vr_rules_at(const struct vr_rules *set, size_t i);	/* in the order of the file */
/** Index of the rule with that key, or -1. */
int vr_rules_find(const struct vr_rules *set, uint64_t key);

struct vr_str vr_rule_name(const struct vr_rule *r);
uint64_t vr_rule_version(const struct vr_rule *r);	/* XXH3-64 of what decides: CONTRACT.md "Rules" */
uint64_t vr_rule_key(const struct vr_rule *r);		/* of name and version: what its state hangs on */
struct vr_span vr_rule_for(const struct vr_rule *r);
size_t vr_rule_labels(const struct vr_rule *r, const struct vr_pair **ret);
/** The label `severity`, or empty. */
struct vr_str vr_rule_severity(const struct vr_rule *r);

/* What judging found. */
struct vr_judged {
	bool present;			/* expr is true */
	double value, threshold;	/* left and right side of its first comparison, also when absent (NaN if unknown) */
};
struct vr_judged vr_rule_judge(const struct vr_rule *r, vr_term_value_f *value, const void *entity);
/** May a firing alert be resolved? True without a reset_expr. */
bool vr_rule_may_reset(const struct vr_rule *r, vr_term_value_f *value, const void *entity);
/** Could counts that leave their windows make expr true? Time alone begins no alert, so its author is warned. */
bool vr_rule_may_begin_by_falling(const struct vr_rule *r);

/* When a rule need not be asked. For one content, its expressions change
 *    at a record only if that is of an action in `by`;
 *    between records, when buckets leave: but expr, once absent, becomes present that way only if `by_time`.
 * And expr is present only if the content has counted at least `least` events of the actions in `of`, ever. */
struct vr_rule_gate {
	uint32_t by, of;			/* bit 1 << enum vr_action */
	bool by_time;
	double least;				/* 0: no such bound */
};
const struct vr_rule_gate *vr_rule_gate(const struct vr_rule *r);

/* What a template may name: {{ $value }}, {{ $threshold }}, {{ $labels.NAME }} with NAME one of
 * alertname, content_id, title, url, channel, or a label of the rule. Anything else is an error at load. */
struct vr_template_env {
	double value, threshold;
	struct vr_str content_id, title, url, channel;
};
/** Labels as one JSON object on one line (sorted as in the file), annotations with templates filled likewise. */
void vr_rule_labels_json(const struct vr_rule *r, struct vr_buf *b);
void vr_rule_annotations_json(const struct vr_rule *r, const struct vr_template_env *env, struct vr_buf *b);
/** A number as people write it: whole numbers plain, others with up to six significant decimals. Never an exponent. */
void vr_value_text(double v, struct vr_buf *b);
