/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rulefile_rules.h - groups and rules of one YAML text, as specs.
 *
 *      groups: [ name, rules: [ alert, expr, for, reset_expr, on, labels, annotations ] ]  ──>  struct vr_rule_spec each
 *
 * Every mistake is said with its position, and reading goes on behind it; a spec may then lack a name or an expression.
 * Ownership: texts and lists are borrowed from the YAML tree, or lie in the arena.   Threads: none.
 * Fails: by what is said; where the arena has no memory left, labels are missing (its owner notes that).            */
#include "tree.h"
#include "virality/rulefile.h"

enum { VR_SPECS_MAX = 2000 };
struct vr_specs { struct vr_rule_spec *at; size_t n; };	/* room for VR_SPECS_MAX */

/** Those of a text go behind the ones that are there. source: the text that root was parsed from. */
void vr_rulefile_rules(const struct vr_yaml *root, struct vr_str source, struct vr_arena *arena, struct vr_specs *specs,
	struct vr_rule_errors *errors);
