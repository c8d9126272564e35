/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_say.h - how the rule compiler says what is wrong: collected, never printed.
 *
 * Ownership: writes into the caller's struct vr_rule_errors; an error's file is borrowed
 * from the rule's spec.   Threads: one owner.   Fails: never; a text too long is cut.   */
#include "virality/rules.h"

/** One more mistake at pos. Format: %s C string, %q struct vr_str in quotes (cut, made clean), %u size_t. */
void vr_rules_say(struct vr_rule_errors *errors, struct vr_pos pos, const char *format, ...);
/** Where the byte at offset of text stands, when text begins at start (column 0: only lines are known). */
struct vr_pos vr_rules_pos_in(struct vr_pos start, struct vr_str text, size_t offset);
