/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* writer.h - a cut in Redis' words: the vr_store that appends commands.
 *
 *   rank ──> a sorted set's words ──┐ end
 *   all else ──────────────────> [ZADD idx][ZADD timers] SET HSET ...
 *
 * What is ranked becomes one command for each sorted set, ahead of all else: Redis finds one place after the other
 * while the way there is in its caches, and even where it keeps only the beginning of a cut the index knows every
 * state there is. Everything else keeps its order.
 *
 * Beside each command on a view's key it notes whose view it is: an error there (somebody else's key of the
 * wrong type) is repaired by writing that view anew; an error on a key of the cut itself stops the partition.
 * Ownership: keeps keys and cmds.   Threads: one owner.   Fails: sticks in cmds->buf.failed.                 */
#include "virality/alert.h"
#include "virality/keys.h"

enum { VR_TS_MAXLEN = 1440 };

struct vr_mark {
	uint32_t cmd;			/* index among the commands of this writer, those ahead not counted */
	uint32_t id, id_n;		/* where the id is in `ids` */
	uint8_t view;			/* enum vr_view; VR_VIEWS: a time series */
};
struct vr_writer {
	const struct vr_keys *keys;
	struct vr_cmds *cmds;
	uint32_t first;			/* commands in cmds before ours */
	size_t from;			/* bytes in cmds before ours */
	uint32_t ahead;			/* commands that came ahead of those the marks count */
	struct vr_cmds ranks[2], head;	/* words of ZADD to the index and to the timers; those commands */
	struct vr_buf marks, ids;	/* struct vr_mark; their ids */
	void (*alert)(void *ctx, const struct vr_alert *a);	/* where alerts go */
	void *alert_ctx;
};
void vr_writer_init(struct vr_writer *w, const struct vr_keys *keys, struct vr_cmds *cmds, struct vr_mem *mem);
void vr_writer_done(struct vr_writer *w);
/** The next cut begins: cmds holds what comes before it. */
void vr_writer_begin(struct vr_writer *w);
struct vr_store vr_writer_store(struct vr_writer *w);
/** All of the cut was said: what was gathered goes to its place. Once, after vr_writer_begin. */
void vr_writer_end(struct vr_writer *w);
/** Walk the replies of our commands (replies->at[0] is that of the first). Errors on views are told to `bad_view` (id
 * borrowed); the first error elsewhere is returned as VR_E_REPLY. */
VR_MUST enum vr_err vr_writer_walk(const struct vr_writer *w, const struct vr_replies *replies,
	void (*bad_view)(void *ctx, enum vr_view view, struct vr_str id, const char *error), void *ctx, struct vr_diag *d);

/* The alerts' side of a cut: stream entry, pub/sub, `active`, `alert:<id>`. All in database alerts. */
/** A beginning or a later state that is announced (PENDING: `active` only). as stream entry, hash and message. */
void vr_write_alert(struct vr_cmds *c, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch);
/** The same transition as a replay found it: an entry of `replay:<name>:alerts`, for nobody else to hear. */
void vr_write_replayed(struct vr_cmds *c, const struct vr_keys *k, struct vr_str name, const struct vr_alert *a, struct vr_buf *scratch);
