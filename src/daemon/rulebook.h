/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rulebook.h - the fleet's rule sets, as the list `vir:rules` has them, compiled.
 *
 * Number n is the n-th entry of the list (1-based); the last is in force. Sets are never freed while the book
 * lives, so a shard may hold one for as long as it likes.
 * Entry: JSON {"number","hash","text"}, text = the canonical form of rulefile.h.
 * Threads: get by any; refresh and append by one thread.                                                     */
#include "virality/owner.h"
#include "virality/rules.h"

struct vr_rulebook;
VR_MUST enum vr_err vr_rulebook_new(const struct vr_keys *keys, const struct vr_windows *windows, struct vr_rulebook **ret);
void vr_rulebook_free(struct vr_rulebook *b);
/** Read what is new in the list. */
VR_MUST enum vr_err vr_rulebook_refresh(struct vr_rulebook *b, const struct vr_link *redis, struct vr_diag *d);
/** Append a set. `anew`: also when its hash was in the list before, as long as it is not the last (SIGHUP). *ret_no:
 * number it has now (0: it was there before and is not the last: the fleet's last stays in force). */
VR_MUST enum vr_err vr_rulebook_append(struct vr_rulebook *b, const struct vr_link *redis, struct vr_str hash, struct vr_str text, bool anew,
	uint32_t *ret_no, struct vr_diag *d);
/* Where in the list a set stands, or would. */
struct vr_rulebook_place { int64_t n; uint32_t no; char *entry; };	/* n: entries now; entry: to be appended (free it), NULL: it is the last */
/** Of set number no, or where that is 0 of the set that is given: the number it has when it is in force. */
VR_MUST enum vr_err vr_rulebook_place(const struct vr_link *redis, const struct vr_keys *keys, uint32_t no, struct vr_str hash,
	struct vr_str text, struct vr_rulebook_place *ret, struct vr_diag *d);
/** A set of the caller's own, as the next number, in memory alone. A NUL follows hash. */
VR_MUST enum vr_err vr_rulebook_give(struct vr_rulebook *b, struct vr_str hash, struct vr_str text, struct vr_diag *d);
/** Set number no, 0: the last. NULL: there is none. */
const struct vr_rules *vr_rulebook_get(const struct vr_rulebook *b, uint32_t no, uint32_t *ret_no);
/** Hash of the last set, or empty. */
struct vr_str vr_rulebook_last_hash(const struct vr_rulebook *b);
