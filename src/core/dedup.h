/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* dedup.h - which SHARE and UNSHARE events of the last minutes were accepted already.
 *
 * Picture:   one open-addressing table of the partition: 128-bit hash of (content, event id,
 *            action) -> event time; beside it, per minute of event time, the list of its
 *            entries in order of arrival (for expiry and for storing).
 * Stored:    per minute a string of 18-byte entries: hash (16, little-endian lo, hi) and
 *            milliseconds within the minute (2); set, then only ever appended to, deleted whole.
 * Time:      of every hash the newest accepted time counts; what was forgotten (advance) is not noted again.
 * Threads:   one owner.   Fails: VR_E_NOMEM, then nothing has changed.                   */
#include "virality/err.h"
#include "virality/hash.h"
#include "virality/time.h"
#include "virality/mem.h"
#include "virality/str.h"

struct vr_dedup;	/* opaque */
/** Gives *ret, empty. */
VR_MUST enum vr_err vr_dedup_new(struct vr_mem *mem, struct vr_span window, struct vr_dedup **ret);
/** NULL: nothing. */
void vr_dedup_free(struct vr_dedup *d);
/** Accepted before with an event time >= now - window? */
bool vr_dedup_has(const struct vr_dedup *d, struct vr_hash128 h, struct vr_wall now);
/** Note an accepted event of time t (the caller has asked _has). The first stays the reference: an entry that
 * is there already and still within the window is kept. Times below now - window are not noted. */
VR_MUST enum vr_err vr_dedup_add(struct vr_dedup *d, struct vr_hash128 h, struct vr_wall t,
	struct vr_wall now);
/** Stream time rose: forget minutes that ended before now - window. */
void vr_dedup_advance(struct vr_dedup *d, struct vr_wall now);
/** Hashes held, those between the window and the end of their minute too. */
size_t vr_dedup_count(const struct vr_dedup *d);

/* What becomes of a stored minute. One that begins is set, not appended to: whatever lies there is not ours. */
enum vr_dedup_change { VR_DEDUP_SET, VR_DEDUP_APPEND, VR_DEDUP_DELETE };
/** Walk what the next cut has to write: for each minute with new entries their bytes (borrowed until the next
 * change), for each minute that is stored and now over, none. */
typedef void vr_dedup_visit_f(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change);
void vr_dedup_changes(const struct vr_dedup *d, vr_dedup_visit_f *visit, void *ctx);
/** The cut was committed; since vr_dedup_changes nothing was added, loaded or advanced. */
void vr_dedup_committed(struct vr_dedup *d);
/** A stored minute, at acquire, before anything else and each once (empty bytes: nothing). VR_E_CORRUPT: the
 * length is no multiple of 18, an offset >= 60000, or the minute is there already. */
VR_MUST enum vr_err vr_dedup_load(struct vr_dedup *d, int64_t minute, struct vr_str bytes);
/** First and last minute (numbers since the epoch) that can matter at stream time now: what to load. */
void vr_dedup_range(struct vr_span window, struct vr_wall now, int64_t *ret_first, int64_t *ret_last);
/** All invariants hold (tests). */
bool vr_dedup_check(const struct vr_dedup *d);
