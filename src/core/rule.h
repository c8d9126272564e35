/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rule.h - one compiled rule: what rules.c makes of a spec, and virality/rules.h tells of it.
 *
 * Ownership: its set's arena.   Threads: any, it never changes.   Fails: never.                              */
#include "rules_program.h"

struct vr_rule {
	struct vr_str name, severity;
	uint64_t version, key;
	struct vr_span for_;
	struct vr_program expr, reset;
	struct vr_rule_gate gate;
	bool has_reset;
	const struct vr_pair *labels, *annotations;
	size_t n_labels, n_annotations;
};
