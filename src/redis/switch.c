/* SPDX-License-Identifier: Apache-2.0 */
/* switch.c - the commands of a switch (include/virality/switch.h); whether it may be is judged in switch_judge.c. */
#include "switch_replies.h"

/* ------------------------------------------------ keys --------------------------------- */

enum vr_err vr_switch_init(struct vr_switch *w, struct vr_str prefix)
{
	return vr_keys_init(&w->keys, prefix, VR_STR(""), 0, w->live_db, w->alerts_db);
}

enum vr_err vr_switch_part_init(struct vr_switch_part *p, const struct vr_switch *w, struct vr_str prefix, struct vr_str topic,
	int32_t partition)
{
	*p = (struct vr_switch_part){.topic = topic, .partition = partition, .committed = -1};
	return vr_keys_init(&p->keys, prefix, topic, partition, w->live_db, w->alerts_db);
}

static void global(struct vr_cmds *c, const char *command, const struct vr_keys *k, const char *name)
{
	vr_cmd(c, 2, command);
	vr_key_global(c, k, name);
}

static void own(struct vr_cmds *c, const char *command, const struct vr_keys *k, const char *name)
{
	vr_cmd(c, 2, command);
	vr_key_own(c, k, name);
}

/* ------------------------------------------------ look --------------------------------- */

/* The order of these is that of the replies: switch_replies.h. */
static void look_at(struct vr_switch *w, int db, struct vr_cmds *c)
{
	vr_cmd_select(c, db);
	global(c, "WATCH", &w->keys, "generation");
	global(c, "GET", &w->keys, "generation");
	global(c, "EXISTS", &w->keys, "meta");
	own(c, "WATCH", &w->keys, "own");
	own(c, "EXISTS", &w->keys, "own");
	for (size_t i = 0; i < w->n; i++) {
		own(c, "WATCH", &w->part[i].keys, "own");
		own(c, "HGETALL", &w->part[i].keys, "own");
	}
}

static void look_refused(struct vr_switch *w, struct vr_cmds *c)
{
	for (size_t i = 0; i < w->n; i++) {
		vr_cmd(c, 4, "LRANGE");
		vr_key_own(c, &w->part[i].keys, "refused");
		/* Each is a record of its own: more are not between the shadow and what live, or who was live before it, decided. */
		vr_cmd_i64(c, -(2 * w->max_lag + 1));
		vr_cmd_i64(c, -1);
	}
}

static void look_said(struct vr_switch *w, struct vr_cmds *c)
{
	vr_cmd_select(c, w->alerts_db);
	global(c, "WATCH", &w->keys, "rules");
	global(c, "LLEN", &w->keys, "rules");
	for (size_t i = 0; i < w->n; i++) {
		vr_cmd(c, 4, "HMGET");
		vr_key_own(c, &w->part[i].keys, "said");
		vr_cmd_c(c, "off");
		vr_cmd_c(c, "dlq_off");
	}
}

void vr_switch_look(struct vr_switch *w, struct vr_cmds *c)
{
	vr_switch_leave(c);	/* what an earlier look WATCHed may have changed since */
	look_at(w, w->spare_db, c);
	look_said(w, c);
	look_at(w, w->live_db, c);
	look_refused(w, c);
}

void vr_switch_leave(struct vr_cmds *c) { vr_cmd_words(c, "UNWATCH", NULL); }

/* ------------------------------------------------ go ----------------------------------- */

/* Live's cuts raise it themselves, so that it is behind only where live has not cut yet, or Redis was lost. */
static void raise_said(const struct vr_switch_part *p, struct vr_cmds *c)
{
	int64_t off = p->said_off > p->reached ? p->said_off : p->reached;
	int64_t dlq = p->dlq_off > p->reached ? p->dlq_off : p->reached;
	vr_cmd(c, 8, "HSET");
	vr_key_own(c, &p->keys, "said");
	vr_cmd_c(c, "silent");	/* up to here another fold spoke */
	vr_cmd_i64(c, off);
	vr_cmd_c(c, "off");
	vr_cmd_i64(c, off);
	vr_cmd_c(c, "dlq_off");
	vr_cmd_i64(c, dlq);
}

static void write_alerts(const struct vr_switch *w, struct vr_cmds *c)
{
	vr_cmd_select(c, w->alerts_db);
	for (size_t i = 0; i < w->n; i++)
		if (w->part[i].shadow.exists)
			raise_said(&w->part[i], c);
	if (w->rules_entry.n == 0)
		return;
	vr_cmd(c, 3, "RPUSH");
	vr_key_global(c, &w->keys, "rules");
	vr_cmd_str(c, w->rules_entry);
}

static void carry_refused(const struct vr_switch_part *p, struct vr_cmds *c)
{
	for (size_t i = 0; p->refused && i < p->refused->n; i++) {
		int64_t off;
		if (!vr_reply_i64(&p->refused->elem[i], &off) || off < p->shadow.off)
			continue;
		vr_cmd(c, 3, "RPUSH");
		vr_key_own(c, &p->keys, "refused");
		vr_cmd_i64(c, off);
	}
}

/* Its rules have the number now that the list gives them. Those that were given have judged it from its first record
 * on; of a generation that was live before, what judged it up to here stays noted. */
static void number_rules(const struct vr_switch *w, const struct vr_switch_part *p, struct vr_cmds *c)
{
	char text[48];
	bool given = w->rules_was == 0;
	int n = snprintf(text, sizeof(text), "%u %lld", w->rules_no, (long long)(given ? p->shadow.base_off : p->shadow.off));
	if (given)
		own(c, "DEL", &p->keys, "rules");
	vr_cmd(c, 3, "RPUSH");
	vr_key_own(c, &p->keys, "rules");
	vr_cmd_str(c, (struct vr_str){text, (size_t)n});
}

/* Live may have been made live itself a moment ago, and not have reached yet what was decided before it. */
static int64_t decided(const struct vr_switch_part *p)
{
	int64_t live = p->live.decided > p->live.off ? p->live.decided : p->live.off;
	return p->live.exists && live > p->shadow.decided ? live : p->shadow.decided;
}

static void write_part(const struct vr_switch *w, const struct vr_switch_part *p, const char *token, struct vr_cmds *c)
{
	/* One that other rules judged last takes up the fleet's as an owner does. */
	bool named = w->rules_was == 0 || p->shadow.rules == w->rules_was;
	bool renumber = w->own_rules && named && p->shadow.rules != w->rules_no;
	vr_cmd(c, renumber ? 10 : 8, "HSET");
	vr_key_own(c, &p->keys, "own");
	vr_cmd_c(c, "decided");
	vr_cmd_i64(c, decided(p));
	vr_cmd_c(c, "token");
	vr_cmd_c(c, token);
	vr_cmd_c(c, "seq");
	vr_cmd_i64(c, 0);
	if (renumber) {
		vr_cmd_c(c, "rules");
		vr_cmd_i64(c, w->rules_no);
		number_rules(w, p, c);
	}
	carry_refused(p, c);
	/* A partition that is added later must not be taken for one that was there from the beginning. */
	vr_cmd(c, 4, "HSETNX");
	vr_key_begin(c, &p->keys, p->topic);
	vr_cmd_i64(c, p->partition);
	vr_cmd_i64(c, p->shadow.base_off);
}

static void write_meta(const struct vr_switch *w, struct vr_str name, const char *state, struct vr_cmds *c)
{
	vr_cmd(c, 6, "HSET");
	vr_key_global(c, &w->keys, "meta");
	vr_cmd_c(c, "generation");
	vr_cmd_str(c, name);
	vr_cmd_c(c, "state");
	vr_cmd_c(c, state);
}

static void set_name(const struct vr_switch *w, struct vr_str name, struct vr_cmds *c)
{
	vr_cmd(c, 3, "SET");
	vr_key_global(c, &w->keys, "generation");
	vr_cmd_str(c, name);
}

static void write_shadow(const struct vr_switch *w, void (*make)(void *ctx, char out[VR_TOKEN_LEN + 1]), void *ctx, struct vr_cmds *c)
{
	char token[VR_TOKEN_LEN + 1];
	vr_cmd_select(c, w->spare_db);
	for (size_t i = 0; i < w->n; i++) {
		if (!w->part[i].shadow.exists)
			continue;
		make(ctx, token);
		write_part(w, &w->part[i], token, c);
	}
	if (w->has_publisher) {
		make(ctx, token);
		vr_cmd(c, 6, "HSET");
		vr_key_own(c, &w->keys, "own");
		vr_cmd_c(c, "token");
		vr_cmd_c(c, token);
		vr_cmd_c(c, "seq");
		vr_cmd_i64(c, 0);
	}
	if (w->has_meta)
		write_meta(w, w->name, "live", c);
	if (w->promote)
		vr_cmds_add(c, w->promote);
}

void vr_switch_go(struct vr_switch *w, void (*token)(void *ctx, char out[VR_TOKEN_LEN + 1]), void *ctx, struct vr_cmds *c)
{
	struct vr_str was = vr_str_c(w->was);
	vr_cmd_words(c, "MULTI", NULL);
	write_alerts(w, c);
	write_shadow(w, token, ctx, c);
	vr_cmd_select(c, w->live_db);
	set_name(w, was, c);
	if (w->retire)
		vr_cmds_add(c, w->retire);
	if (w->had_meta)
		write_meta(w, was, "replay", c);
	vr_cmd(c, 3, "SWAPDB");
	vr_cmd_i64(c, w->live_db);
	vr_cmd_i64(c, w->spare_db);
	vr_cmd_words(c, "EXEC", NULL);
}
