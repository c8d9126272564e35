/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include "virality/engine.h"

enum { CHUNK = 500, HOUR_MS = 3600000 };

struct walk {
	const struct vr_link *redis;
	const struct vr_switch *w;
	const struct vr_switch_part *part;
	struct vr_mem mem;
	struct vr_cmds cmds;
	struct vr_arena ids, page;	/* the index; one exchange */
	struct vr_loss loss;
};

static enum vr_err say(struct walk *k, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d)
{
	vr_arena_reset(arena);
	enum vr_err err = k->cmds.buf.failed ? VR_E_NOMEM : k->redis->exchange(k->redis->ctx, &k->cmds, arena, ret, d);
	vr_cmds_clear(&k->cmds);
	const struct vr_reply *bad = err ? NULL : vr_replies_first_error(ret);
	return bad ? vr_diag_set(d, vr_reply_error_class(bad), "redis", "%s", bad->str.p) : err;
}

static void select_db(struct vr_cmds *c, int db)
{
	vr_cmd(c, 2, "SELECT");
	vr_cmd_i64(c, db);
}

static void ask_shares(struct walk *k, struct vr_str id)
{
	vr_cmd(&k->cmds, 3, "HGET");
	vr_key_content(&k->cmds, &k->w->keys, id, "");
	vr_cmd_c(&k->cmds, "shares_total");
}

static int64_t number(const struct vr_reply *r)
{
	int64_t v = 0;
	return vr_reply_i64(r, &v) ? v : 0;
}

/* Of the contents that would lose something: how many shares live shows, and the shadow. */
static enum vr_err count_shares(struct walk *k, const struct vr_str *id, size_t n, struct vr_diag *d)
{
	struct vr_replies r;
	for (size_t i = 0; i < n; i++)
		ask_shares(k, id[i]);
	select_db(&k->cmds, k->w->spare_db);
	for (size_t i = 0; i < n; i++)
		ask_shares(k, id[i]);
	select_db(&k->cmds, k->w->live_db);
	enum vr_err err = say(k, &k->page, &r, d);
	for (size_t i = 0; i < n && !err; i++) {
		int64_t live = number(&r.at[i]), shadow = number(&r.at[n + 1 + i]);
		k->loss.shares += live > shadow ? (uint64_t)(live - shadow) : 0;
	}
	return err;
}

static void note_example(struct walk *k, struct vr_str id)
{
	size_t n = id.n < sizeof(k->loss.example) ? id.n : sizeof(k->loss.example) - 1;
	memcpy(k->loss.example, id.p, n);
	k->loss.example[n] = '\0';
}

static enum vr_err count_chunk(struct walk *k, const struct vr_reply *id, size_t n, struct vr_diag *d)
{
	struct vr_replies r;
	struct vr_str lost[CHUNK];
	size_t n_lost = 0;
	for (size_t i = 0; i < n; i++) {
		vr_cmd(&k->cmds, 2, "GET");
		vr_key_slot(&k->cmds, &k->part->keys, VR_SLOT_CONTENT, id[i].str);
	}
	enum vr_err err = say(k, &k->page, &r, d);
	for (size_t i = 0; i < n && !err; i++) {
		struct vr_brief b;
		if (r.at[i].type != VR_REPLY_STR)	/* forgotten meanwhile */
			continue;
		err = vr_content_brief(r.at[i].str, &b);
		if (err)
			err = vr_diag_set(d, err, "redis", "the state of content %.*s cannot be read", (int)id[i].str.n, id[i].str.p);
		else if (b.first_off < k->part->shadow.base_off)
			lost[n_lost++] = id[i].str;
	}
	if (err || n_lost == 0)
		return err;
	if (k->loss.contents == 0)
		note_example(k, lost[0]);
	k->loss.contents += n_lost;
	return count_shares(k, lost, n_lost, d);
}

static enum vr_err count_part(struct walk *k, struct vr_span retention, struct vr_diag *d)
{
	struct vr_replies r;
	int64_t log = k->part->live.log.ms;
	vr_cmd(&k->cmds, 4, "ZRANGEBYSCORE");
	vr_key_own(&k->cmds, &k->part->keys, "idx");
	vr_cmd_i64(&k->cmds, log > 0 ? log / HOUR_MS - retention.ms / HOUR_MS : 0);
	vr_cmd_c(&k->cmds, "+inf");
	enum vr_err err = say(k, &k->ids, &r, d);
	if (err)
		return err;
	const struct vr_reply *id = &r.at[0];
	for (size_t from = 0; from < id->n && !err; from += CHUNK)
		err = count_chunk(k, id->elem + from, id->n - from < CHUNK ? id->n - from : CHUNK, d);
	return err;
}

enum vr_err vr_history_loss(const struct vr_link *redis, const struct vr_switch *w, struct vr_span retention, struct vr_loss *ret,
	struct vr_diag *d)
{
	struct walk k = {.redis = redis, .w = w, .mem = vr_mem_heap()};
	enum vr_err err = VR_OK;
	vr_cmds_init(&k.cmds, &k.mem);
	vr_arena_init(&k.ids, &k.mem, 0);
	vr_arena_init(&k.page, &k.mem, 0);
	for (size_t i = 0; i < w->n && !err; i++) {
		k.part = &w->part[i];
		if (k.part->live.exists && k.part->shadow.exists && k.part->shadow.base_off > k.part->live.base_off)
			err = count_part(&k, retention, d);
	}
	vr_arena_done(&k.ids);
	vr_arena_done(&k.page);
	vr_cmds_done(&k.cmds);
	if (!err)
		*ret = k.loss;
	return err;
}
