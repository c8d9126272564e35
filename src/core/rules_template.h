/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_template.h - text with {{ $value }}, {{ $threshold }} and {{ $labels.NAME }} in it.
 *
 * A template is kept as it was written; it is checked once and scanned again when filled.
 * Threads: pure functions.                                                                */
#include "rules_say.h"

/** True when name is one of the labels that every alert has (alertname, content_id, ...). */
bool vr_template_is_builtin(struct vr_str name);
/** Every mistake of one template goes to *errors; labels: what $labels may name besides the built-in ones. */
void vr_template_check(struct vr_str text, const struct vr_rule_spec *spec, struct vr_str annotation,
	struct vr_rule_errors *errors);
/** Append the filled text, raw. The template has been checked. */
void vr_template_fill(struct vr_str text, const struct vr_rule *r, const struct vr_template_env *env, struct vr_buf *b);
