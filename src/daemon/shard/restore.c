/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - what an owner has in memory before the first record: what the store says, with the claimed token. */
#include "acquire.h"

struct want { struct vr_shard *s; enum vr_err err; };

static void want_id(void *ctx, struct vr_str id)
{
	struct want *w = ctx;
	bool at_hand;
	if (!w->err)
		w->err = vr_engine_want(w->s->engine, id, &at_hand);
}

static enum vr_err restore_part(struct vr_shard *s, const struct vr_reply *flat)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i + 1 < flat->n && !err; i += 2) {
		bool rules = vr_str_eq(flat->elem[i].str, VR_STR("_rules"));
		err = vr_engine_restore(s->engine, rules ? VR_SLOT_RULES : VR_SLOT_PARTIAL, flat->elem[i].str, flat->elem[i + 1].str);
	}
	return err;
}

static enum vr_err restore_dedup(struct vr_shard *s, int64_t first, const struct vr_reply *at, size_t n)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		if (at[i].type != VR_REPLY_STR)
			continue;
		vr_buf_clear(&s->scratch);
		vr_buf_i64(&s->scratch, first + (int64_t)i);
		err = vr_engine_restore(s->engine, VR_SLOT_DEDUP, vr_buf_str(&s->scratch), at[i].str);
	}
	return err;
}

static enum vr_err want_eager(struct vr_shard *s, const struct vr_reply *boards, const struct vr_reply *timers)
{
	struct want w = {s, VR_OK};
	for (size_t i = 0; i < timers->n; i++)
		want_id(&w, timers->elem[i].str);
	for (size_t i = 0; i + 1 < boards->n && !w.err; i += 2) {
		enum vr_err err = vr_board_ids(boards->elem[i + 1].str, want_id, &w);
		if (!w.err)
			w.err = err;
	}
	return w.err;
}

/* What was refused by the clock between the offset and that up to which it has decided: it does not decide again. */
static void ask_decided(struct vr_shard *s)
{
	vr_cmd(&s->cmds, 4, "LRANGE");
	vr_key_own(&s->cmds, &s->keys, "refused");
	vr_cmd_i64(&s->cmds, s->record.off - s->record.decided);
	vr_cmd_i64(&s->cmds, -1);
}

static void restore_decided(struct vr_shard *s, const struct vr_reply *list)
{
	int64_t off;
	for (size_t i = 0; i < list->n; i++)
		if (vr_reply_i64(&list->elem[i], &off) && off >= s->record.off)
			vr_buf_add(&s->decided, &off, sizeof(off));
}

static enum vr_err read_slots(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	int64_t first, last;
	bool was_decided = s->record.off < s->record.decided;
	vr_engine_dedup_minutes(s->config.engine.dedup_window, s->record.stream, &first, &last);
	vr_cmds_clear(&s->cmds);
	vr_owner_load_begin(&s->owner, &s->cmds);
	vr_cmd(&s->cmds, 2, "HGETALL");
	vr_key_own(&s->cmds, &s->keys, "part");
	vr_cmd(&s->cmds, 2, "HGETALL");
	vr_key_own(&s->cmds, &s->keys, "top");
	vr_cmd(&s->cmds, 4, "ZRANGE");
	vr_key_own(&s->cmds, &s->keys, "timers");
	vr_cmd_i64(&s->cmds, 0);
	vr_cmd_i64(&s->cmds, -1);
	for (int64_t m = first; m <= last; m++) {
		vr_buf_clear(&s->scratch);
		vr_buf_i64(&s->scratch, m);
		vr_cmd(&s->cmds, 2, "GET");
		vr_key_slot(&s->cmds, &s->keys, VR_SLOT_DEDUP, vr_buf_str(&s->scratch));
	}
	if (was_decided)
		ask_decided(s);
	vr_owner_load_end(&s->owner, &s->cmds);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = vr_owner_loaded(&s->owner, &r, &r, d);
	if (!err && was_decided)
		restore_decided(s, &r.at[--r.n]);
	if (!err)
		err = restore_part(s, &r.at[0]);
	if (!err)
		err = restore_dedup(s, first, r.at + 3, r.n - 3);
	if (!err && s->decided.failed)
		err = VR_E_NOMEM;
	return err ? err : want_eager(s, &r.at[1], &r.at[2]);
}

/* The set that was in force when the state was stored. */
static enum vr_err restore_rules(struct vr_shard *s, struct vr_diag *d)
{
	uint32_t no = 0, last = 0;
	if (s->record.rules == 0)
		return VR_OK;
	const struct vr_rules *rules = s->world->rules(s->world->ctx, s->record.rules, &no);
	/* The list is read about once a second: another instance may have taken up a set that is not known here yet. */
	if (!rules && (!s->world->rules(s->world->ctx, 0, &last) || last < s->record.rules))
		return vr_diag_set(d, VR_E_BUSY, "redis", "rule set %u of vir:rules has not been read yet (the last one read is %u)",
			s->record.rules, last);
	if (!rules)
		return vr_diag_set(d, VR_E_STATE_LOST, "redis", "rule set %u, which judged this partition, is no longer in vir:rules", s->record.rules);
	return vr_engine_rules_resume(s->engine, rules, no);
}

enum vr_err vr_takeover_restore(struct vr_shard *s, const struct vr_takeover *p, struct vr_diag *d)
{
	enum vr_err err = vr_engine_new(&s->config.engine, s->mem, &s->engine);
	if (err)
		return err;
	vr_engine_set_times(s->engine, s->record.stream, s->record.log);
	if (!s->record.shown)
		err = vr_engine_views(s->engine, s->config.shadow ? VR_VIEWS_WAIT : VR_VIEWS_COME);
	if (!err && !p->fresh) {
		err = read_slots(s, d);
		if (!err)
			err = restore_rules(s, d);
		if (!err)
			err = vr_shard_load(s, d);
	}
	return err;
}
