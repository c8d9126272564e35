/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - protocol P (include/virality/owner.h). All of it is here. */
#include "virality/owner.h"

#include <stdlib.h>

enum { FORMAT = 1 };

void vr_owner_init(struct vr_owner *o, const struct vr_keys *keys) { *o = (struct vr_owner){.keys = keys}; }

/* ------------------------------------------------ the record as fields ------------------ */

static void text(const struct vr_reply *flat, const char *name, char *out, size_t size)
{
	const struct vr_reply *r = vr_reply_field(flat, name);
	size_t n = r && r->type == VR_REPLY_STR ? r->str.n : 0;
	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, r->str.p, n);
	out[n] = '\0';
}

static void read_record(const struct vr_reply *flat, struct vr_owner_record *ret)
{
	const struct vr_reply *hash = vr_reply_field(flat, "last_hash");
	*ret = (struct vr_owner_record){
		.exists = true,
		.seq = vr_reply_field_i64(flat, "seq"),
		.off = vr_reply_field_i64(flat, "off"),
		.base_off = vr_reply_field_i64(flat, "base_offset"),
		.stream = {vr_reply_field_i64(flat, "stream_ms")},
		.log = {vr_reply_field_i64(flat, "log_ms")},
		.view = {vr_reply_field_i64(flat, "view_ms")},
		.anchor = {vr_reply_field_i64(flat, "anchor_ms")},
		.rules = (uint32_t)vr_reply_field_i64(flat, "rules"),
		.complete = vr_reply_field_i64(flat, "complete") != 0,
		.decided = vr_reply_field_i64(flat, "decided"),
		.shown = !vr_reply_field(flat, "shown") || vr_reply_field_i64(flat, "shown") != 0,
	};
	ret->last.known = hash && hash->type == VR_REPLY_STR && hash->str.n > 0;
	ret->last.off = vr_reply_field_i64(flat, "last_off");
	ret->last.time_ms = vr_reply_field_i64(flat, "last_ms");
	ret->last.hash = ret->last.known ? strtoull(hash->str.p, NULL, 16) : 0;
	text(flat, "token", ret->token, sizeof(ret->token));
	text(flat, "cluster_id", ret->cluster, sizeof(ret->cluster));
	text(flat, "group", ret->group, sizeof(ret->group));
	text(flat, "generation", ret->generation, sizeof(ret->generation));
}

static void field(struct vr_cmds *c, const char *name, int64_t v)
{
	vr_cmd_c(c, name);
	vr_cmd_i64(c, v);
}

static void field_text(struct vr_cmds *c, const char *name, const char *v)
{
	vr_cmd_c(c, name);
	vr_cmd_c(c, v);
}

static void field_hash(struct vr_cmds *c, const char *name, uint64_t v)
{
	char hex[17];
	for (int i = 0; i < 16; i++)
		hex[i] = "0123456789abcdef"[(v >> (60 - 4 * i)) & 15];
	hex[16] = '\0';
	field_text(c, name, hex);
}

enum { MOVING = 14 };

/* What every cut writes, MOVING fields. No record to tell the log by: an empty hash. */
static void write_moving(struct vr_cmds *c, const struct vr_owner_record *r, int64_t seq)
{
	field(c, "seq", seq);
	field(c, "off", r->off);
	field(c, "stream_ms", r->stream.ms);
	field(c, "log_ms", r->log.ms);
	field(c, "view_ms", r->view.ms);
	field(c, "anchor_ms", r->anchor.ms);
	field(c, "rules", r->rules);
	field(c, "complete", r->complete);
	field(c, "shown", r->shown);
	field(c, "cut_ms", r->cut.ms);
	field(c, "wait_ms", r->wait.ms);
	field(c, "last_off", r->last.off);
	field(c, "last_ms", r->last.time_ms);
	if (r->last.known)
		field_hash(c, "last_hash", r->last.hash);
	else
		field_text(c, "last_hash", "");
}

/* ------------------------------------------------ acquire ------------------------------- */

void vr_owner_look(struct vr_owner *o, struct vr_cmds *c)
{
	o->held = false;
	vr_cmd(c, 2, "WATCH");
	vr_key_own(c, o->keys, "own");
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, o->keys, "own");
}

enum vr_err vr_owner_seen(const struct vr_owner *o, const struct vr_reply *replies, struct vr_owner_record *ret)
{
	(void)o;
	const struct vr_reply *flat = &replies[1];
	if (flat->type == VR_REPLY_ERROR)
		return vr_reply_error_class(flat);
	if (replies[0].type == VR_REPLY_ERROR)
		return vr_reply_error_class(&replies[0]);
	if (flat->type != VR_REPLY_ARRAY)
		return VR_E_CORRUPT;
	if (flat->n == 0 || !vr_reply_field(flat, "off")) {
		*ret = (struct vr_owner_record){.exists = false};
		return VR_OK;
	}
	if (vr_reply_field_i64(flat, "format") != FORMAT)
		return VR_E_CORRUPT;
	read_record(flat, ret);
	return VR_OK;
}

void vr_owner_claim_begin(struct vr_owner *o, struct vr_cmds *c)
{
	(void)o;
	vr_cmd_words(c, "MULTI", NULL);
}

void vr_owner_claim_end(struct vr_owner *o, const struct vr_owner_record *r, const char token[VR_TOKEN_LEN + 1],
	struct vr_cmds *c)
{
	memcpy(o->token, token, sizeof(o->token));
	o->seq = 0;
	vr_cmd(c, 2, "DEL");
	vr_key_own(c, o->keys, "own");
	vr_cmd(c, 2 + 14 + 2 * MOVING, "HSET");
	vr_key_own(c, o->keys, "own");
	field(c, "format", FORMAT);
	field_text(c, "token", o->token);
	field(c, "base_offset", r->base_off);
	field_text(c, "cluster_id", r->cluster);
	field_text(c, "group", r->group);
	field_text(c, "generation", r->generation);
	field(c, "decided", r->decided);
	write_moving(c, r, 0);
	vr_cmd_words(c, "EXEC", NULL);
}

/* What an EXEC's reply means; *ret: its elements. Errors inside are the caller's business. */
static enum vr_err exec_result(const struct vr_replies *all, const struct vr_reply **ret, struct vr_diag *d)
{
	const struct vr_reply *exec = &all->at[all->n - 1];
	for (size_t i = 0; i + 1 < all->n; i++)
		if (all->at[i].type == VR_REPLY_ERROR)
			return vr_diag_set(d, vr_reply_error_class(&all->at[i]), "redis", "%s", all->at[i].str.p);
	if (exec->type == VR_REPLY_NIL)
		return vr_diag_set(d, VR_E_FENCED, "redis", "the owner record changed");
	if (exec->type == VR_REPLY_ERROR)
		return vr_diag_set(d, vr_reply_error_class(exec), "redis", "%s", exec->str.p);
	if (exec->type != VR_REPLY_ARRAY)
		return vr_diag_set(d, VR_E_CORRUPT, "redis", "EXEC did not answer with a list");
	*ret = exec;
	return VR_OK;
}

enum vr_err vr_owner_claimed(struct vr_owner *o, const struct vr_replies *replies, struct vr_diag *d)
{
	const struct vr_reply *exec;
	enum vr_err err = exec_result(replies, &exec, d);
	if (!err && vr_reply_first_error(exec))
		err = vr_diag_set(d, VR_E_REPLY, "redis", "%s", vr_reply_first_error(exec)->str.p);
	o->held = err == VR_OK;
	return err;
}

/* ------------------------------------------------ the pair ------------------------------ */

static void ask_pair(struct vr_owner *o, struct vr_cmds *c)
{
	vr_cmd(c, 4, "HMGET");
	vr_key_own(c, o->keys, "own");
	vr_cmd_c(c, "token");
	vr_cmd_c(c, "seq");
}

static enum vr_err compare_pair(struct vr_owner *o, const struct vr_reply *pair, struct vr_diag *d)
{
	int64_t seq;
	if (pair->type == VR_REPLY_ERROR)
		return vr_diag_set(d, vr_reply_error_class(pair), "redis", "%s", pair->str.p);
	bool same = pair->type == VR_REPLY_ARRAY && pair->n == 2 && pair->elem[0].type == VR_REPLY_STR &&
		    vr_str_eq(pair->elem[0].str, vr_str_c(o->token)) && vr_reply_i64(&pair->elem[1], &seq) && seq == o->seq;
	if (same && o->held)
		return VR_OK;
	o->held = false;
	return vr_diag_set(d, VR_E_FENCED, "redis", "the owner record holds another token or sequence");
}

/* ------------------------------------------------ load ---------------------------------- */

void vr_owner_load_begin(struct vr_owner *o, struct vr_cmds *c)
{
	vr_cmd_words(c, "MULTI", NULL);
	ask_pair(o, c);
}

void vr_owner_load_end(struct vr_owner *o, struct vr_cmds *c)
{
	(void)o;
	vr_cmd_words(c, "EXEC", NULL);
}

enum vr_err vr_owner_loaded_as_is(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d)
{
	const struct vr_reply *exec;
	enum vr_err err = exec_result(replies, &exec, d);
	if (!err)
		err = compare_pair(o, &exec->elem[0], d);
	if (err) {
		o->held = false;
		return err;
	}
	*ret = (struct vr_replies){exec->elem + 1, exec->n - 1};
	return VR_OK;
}

enum vr_err vr_owner_loaded(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_replies reads;
	enum vr_err err = vr_owner_loaded_as_is(o, replies, &reads, d);
	if (!err)
		err = vr_replies_check(&reads, d);
	if (!err)
		*ret = reads;
	return err;
}

/* ------------------------------------------------ cut ----------------------------------- */

void vr_owner_guard(struct vr_owner *o, struct vr_cmds *c)
{
	vr_cmd(c, 2, "WATCH");
	vr_key_own(c, o->keys, "own");
	ask_pair(o, c);
}

enum vr_err vr_owner_guarded(struct vr_owner *o, const struct vr_replies *replies, struct vr_diag *d)
{
	if (replies->at[0].type == VR_REPLY_ERROR)
		return vr_diag_set(d, vr_reply_error_class(&replies->at[0]), "redis", "%s", replies->at[0].str.p);
	return compare_pair(o, &replies->at[1], d);
}

void vr_owner_commit_begin(struct vr_owner *o, struct vr_cmds *c)
{
	(void)o;
	vr_cmd_words(c, "MULTI", NULL);
}

void vr_owner_commit_end(struct vr_owner *o, const struct vr_owner_record *r, struct vr_cmds *c)
{
	vr_cmd(c, 2 + 2 * MOVING, "HSET");
	vr_key_own(c, o->keys, "own");
	write_moving(c, r, o->seq + 1);
	vr_cmd_words(c, "EXEC", NULL);
}

enum vr_err vr_owner_committed(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d)
{
	const struct vr_reply *exec;
	enum vr_err err = exec_result(replies, &exec, d);
	if (!err && exec->elem[exec->n - 1].type == VR_REPLY_ERROR)
		err = vr_diag_set(d, VR_E_REPLY, "redis", "%s", exec->elem[exec->n - 1].str.p);
	if (err) {
		o->held = false;
		return err;
	}
	o->seq++;
	*ret = (struct vr_replies){exec->elem, exec->n - 1};
	return VR_OK;
}
