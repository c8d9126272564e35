/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* reader.h - bytes from a server to reply trees in an arena.
 *
 * Picture:   feed(bytes) -> hiredis' parser -> slots of an array of struct vr_reply
 * hiredis parses; what it creates is ours: each object is written straight into its slot (the
 * caller's array for a whole reply, the parent's elements below), so nothing is freed singly.
 * Ownership: borrows slots and arena during a call.   Threads: one owner.
 * Fails: VR_E_NOMEM; VR_E_LOST_LINK when the bytes are not RESP. Then the reader is of no more use. */
#include "virality/redis.h"

struct vr_reader;

/** NULL when there is no memory. */
struct vr_reader *vr_reader_new(void);
void vr_reader_free(struct vr_reader *r);
/** Add bytes. */
VR_MUST enum vr_err vr_reader_feed(struct vr_reader *r, const char *p, size_t n);
/** Parse complete replies into ret->at[*got ...] up to ret->n of them, counting *got up. The slots of a
 * reply that is not complete yet are written already: at[*got] is not to be read. */
VR_MUST enum vr_err vr_reader_take(struct vr_reader *r, struct vr_arena *arena, struct vr_replies *ret,
	size_t *got);
/** The commonest reply, one for each command of a transaction, told without the parser: takes those that p begins with,
 * unless a reply has begun already, and returns their bytes. The rest is to be fed. */
size_t vr_reader_skip_queued(const struct vr_reader *r, const char *p, size_t n, struct vr_replies *ret, size_t *got);
/** No bytes are left behind the last reply taken. */
bool vr_reader_empty(const struct vr_reader *r);
/** What the parser said of bytes that are not RESP. */
const char *vr_reader_complaint(const struct vr_reader *r);
