/* SPDX-License-Identifier: Apache-2.0 */
/* wipe.c - what is stored of a partition goes, because an operator accepted to fold it anew. */
#include "parts.h"

enum { WIPE_CHUNK = 500 };

static void delete_content(struct vr_shard *s, struct vr_str id, bool is_home)
{
	static const enum vr_slot slot[] = {VR_SLOT_CONTENT, VR_SLOT_UNIQUES, VR_SLOT_CHANNELS};
	static const char *const view[] = {"", ":channels", ":info", ":ts"};
	struct vr_cmds *c = &s->cmds;
	vr_cmd(c, is_home ? 8 : 4, "DEL");
	for (size_t i = 0; i < 3; i++)
		vr_key_slot(c, &s->keys, slot[i], id);
	for (size_t i = 0; i < 4 && is_home; i++)
		vr_key_content(c, &s->keys, id, view[i]);
	vr_cmd(c, 3, "ZREM");
	vr_key_own(c, &s->keys, "idx");
	vr_cmd_str(c, id);
}

/* Another partition's view stays. Nobody's goes, and one of the wrong type. */
static bool is_home_of(struct vr_shard *s, const struct vr_reply *home)
{
	vr_buf_clear(&s->scratch);
	vr_buf_str_add(&s->scratch, s->part.topic);
	vr_buf_byte(&s->scratch, ':');
	vr_buf_i64(&s->scratch, s->part.partition);
	return home->type != VR_REPLY_STR || vr_str_eq(home->str, vr_buf_str(&s->scratch));
}

/* Which minutes of duplicates are stored, only stream time tells: they go with the owner record that knows it. */
void vr_shard_forget_owner(struct vr_shard *s, const struct vr_owner_record *old)
{
	int64_t first, last;
	vr_cmd(&s->cmds, 2, "DEL");
	vr_key_own(&s->cmds, &s->keys, "own");
	vr_engine_dedup_minutes(s->config.engine.dedup_window, old->stream, &first, &last);
	for (int64_t m = first; m <= last; m++) {
		vr_buf_clear(&s->scratch);
		vr_buf_i64(&s->scratch, m);
		vr_cmd(&s->cmds, 2, "DEL");
		vr_key_slot(&s->cmds, &s->keys, VR_SLOT_DEDUP, vr_buf_str(&s->scratch));
	}
}

static enum vr_err delete_contents(struct vr_shard *s, const struct vr_owner_record *old, bool other_log, const struct vr_str *id, size_t n,
	struct vr_diag *d)
{
	struct vr_replies r;
	for (size_t i = 0; i < n; i++) {
		vr_cmd(&s->cmds, 3, "HGET");
		vr_key_content(&s->cmds, &s->keys, id[i], "");
		vr_cmd_c(&s->cmds, "home");
	}
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (err)
		return err;
	vr_cmd_words(&s->cmds, "MULTI", NULL);
	if (old->exists) {
		vr_shard_forget_owner(s, old);
		vr_cmd(&s->cmds, 4, "HSET");
		vr_key_own(&s->cmds, &s->keys, "accept");
		vr_cmd_c(&s->cmds, "what");
		vr_cmd_c(&s->cmds, other_log ? "from-log-start" : "rebuild");
	}
	for (size_t i = 0; i < n; i++)
		delete_content(s, id[i], is_home_of(s, &r.at[i]));
	vr_cmd_words(&s->cmds, "EXEC", NULL);
	err = vr_shard_exchange(s, &r, d);
	if (err || r.at[r.n - 1].type == VR_REPLY_ARRAY)
		return err;
	return vr_diag_set(d, VR_E_FENCED, "redis", "the owner record changed");
}

/* Is it still what was decided on? After the first piece: nobody has claimed it meanwhile. */
static bool is_same(const struct vr_owner_record *now, const struct vr_owner_record *old)
{
	if (now->exists != old->exists)
		return false;
	return !now->exists || (strcmp(now->token, old->token) == 0 && now->seq == old->seq);
}

static enum vr_err look_to_wipe(struct vr_shard *s, const struct vr_owner_record *old, struct vr_str *id, size_t *ret_n, struct vr_diag *d)
{
	struct vr_replies r;
	struct vr_owner_record now = {0};
	vr_cmds_clear(&s->cmds);
	vr_owner_look(&s->owner, &s->cmds);
	vr_cmd(&s->cmds, 4, "ZRANGE");
	vr_key_own(&s->cmds, &s->keys, "idx");
	vr_cmd_i64(&s->cmds, 0);
	vr_cmd_i64(&s->cmds, WIPE_CHUNK - 1);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = vr_owner_seen(&s->owner, r.at, &now);
	if (err && err != VR_E_CORRUPT)	/* a record of another format is wiped as well */
		return err;
	if (!err && !is_same(&now, old))
		return vr_diag_set(d, VR_E_FENCED, "redis", "the owner record changed");
	if (r.at[2].type == VR_REPLY_ERROR)
		return vr_diag_set(d, vr_reply_error_class(&r.at[2]), "redis", "%.*sidx: %s", (int)s->keys.tag.n, s->keys.tag.p, r.at[2].str.p);
	*ret_n = r.at[2].n;
	vr_arena_reset(&s->events);
	err = VR_OK;
	for (size_t i = 0; i < *ret_n && !err; i++)
		err = vr_arena_dup(&s->events, r.at[2].elem[i].str, &id[i]);
	return err;
}

/* The owner record goes with the first piece: whoever held it is fenced and cannot cut onto what is half gone. A word
 * to fold anew stays in its place, for whoever comes after a crash in between. */
enum vr_err vr_shard_wipe(struct vr_shard *s, struct vr_owner_record *old, bool other_log, struct vr_diag *d)
{
	struct vr_str id[WIPE_CHUNK];
	for (;;) {
		size_t n = 0;
		enum vr_err err = look_to_wipe(s, old, id, &n, d);
		if (!err && n > 0)
			err = delete_contents(s, old, other_log, id, n, d);
		if (err || n == 0)
			return err;
		old->exists = false;
	}
}

void vr_shard_forget_slots(struct vr_shard *s)
{
	static const char *const name[] = {"part", "top", "idx", "timers", "rules", "refused"};
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		vr_cmd(&s->cmds, 2, "DEL");
		vr_key_own(&s->cmds, &s->keys, name[i]);
	}
}
