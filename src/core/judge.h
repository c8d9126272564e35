/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* judge.h - what the files that judge share.
 *
 *   judge.c          THE DRAWING: one rule, one look, at a record; when to look again
 *   judge_figures.c  what an expression may ask of a content
 *   judge_say.c      an alert in words
 *   judge_time.c     between records: timers
 *   judge_rules.c    another set of rules; ends that nobody judged; who has alerts
 *
 * Ownership: the engine's; texts of an alert live until the cut is committed.   Threads: the engine's owner.
 * Fails: VR_E_NOMEM; the engine is broken then.                                                              */
#include "engine_parts.h"

/* Whose figures, at which stream time. */
struct vr_look { const struct vr_engine *e; struct vr_content *c; struct vr_wall now; };

/** A figure for an expression (entity: struct vr_look); false: the content has none. */
bool vr_look_figure(const void *entity, const struct vr_term *t, double *ret);
/** The rule's alert on a content, pending or firing; NULL: there is none. */
static inline const struct vr_rule_state *vr_judge_alert(const struct vr_content *c, const struct vr_rule *rule)
{
	const struct vr_rule_state *s = vr_content_rule(c, vr_rule_key(rule));
	return s && s->state != VR_ALERT_SUPPRESSED ? s : NULL;
}
/** Everything of an alert but its state: texts live until the cut is committed. */
void vr_judge_describe(struct vr_engine *e, struct vr_content *c, const struct vr_rule *rule, const struct vr_rule_state *s,
	const struct vr_judged *j, struct vr_alert *a);
/** One more (or less) alert in that state. */
void vr_judge_count(struct vr_engine *e, uint8_t state, int by);
/** One step of the drawing: the new state is kept, and the transition waits for the cut. */
VR_MUST enum vr_err vr_judge_move(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule, struct vr_rule_state s,
	enum vr_alert_state to, enum vr_alert_reason reason, const struct vr_judged *j, int64_t at_offset);
/** What a look may change for an alert that is there: it ends, or it goes on. */
VR_MUST enum vr_err vr_judge_open(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule, struct vr_rule_state s,
	const struct vr_judged *j, int64_t at_offset);
