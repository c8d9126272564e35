/* SPDX-License-Identifier: Apache-2.0 */
/* switch_judge.c - may the shadow be made live? And how the EXEC of it ended. */
#include "switch_replies.h"

/* ------------------------------------------------ what was read ------------------------ */

static void copy_name(char out[VR_GENERATION_MAX + 1], const struct vr_reply *r, const char *otherwise)
{
	vr_str_copy(out, VR_GENERATION_MAX + 1, r->type == VR_REPLY_STR ? r->str : vr_str_c(otherwise));
}

static enum vr_err read_record(const struct vr_switch_part *p, const struct vr_reply *at, struct vr_owner_record *ret, struct vr_diag *d)
{
	struct vr_owner o;
	vr_owner_init(&o, &p->keys);
	enum vr_err err = vr_owner_seen(&o, at, ret);
	return err ? vr_diag_set(d, err, "redis", "%.*sown is of another format", (int)p->keys.tag.n, p->keys.tag.p) : VR_OK;
}

static enum vr_err read_part(struct vr_switch *w, size_t i, const struct vr_reply *at, struct vr_diag *d)
{
	struct vr_switch_part *p = &w->part[i];
	const struct vr_reply *said = &at[switch_told_at(w->n) + TOLD_PARTS + i];
	enum vr_err err = read_record(p, &at[switch_shadow_at() + AT_PARTS + 2 * i], &p->shadow, d);
	if (!err)
		err = read_record(p, &at[switch_live_at(w->n) + AT_PARTS + 2 * i], &p->live, d);
	p->said_off = vr_reply_elem_i64(said, 0);
	p->dlq_off = vr_reply_elem_i64(said, 1);
	p->refused = &at[switch_refused_at(w->n) + i];
	p->reached = p->live.exists ? p->live.off : p->committed >= 0 ? p->committed : p->shadow.off;
	return err;
}

static enum vr_err read_all(struct vr_switch *w, const struct vr_replies *r, struct vr_diag *d)
{
	const struct vr_reply *shadow = r->at + switch_shadow_at(), *live = r->at + switch_live_at(w->n);
	enum vr_err err = VR_OK;
	VR_ASSERT(r->n == switch_replies(w->n));
	copy_name(w->spare, &shadow[AT_NAME], "");
	copy_name(w->was, &live[AT_NAME], VR_GENERATION_FIRST);
	w->has_meta = shadow[AT_META].integer > 0;
	w->had_meta = live[AT_META].integer > 0;
	w->has_publisher = shadow[AT_PUBLISHER].integer > 0;
	for (size_t i = 0; i < w->n && !err; i++)
		err = read_part(w, i, r->at, d);
	return err;
}

/* ------------------------------------------------ what must not be --------------------- */

#define PART(p) (int)(p)->topic.n, (p)->topic.p, (p)->partition

static enum vr_err check_spare(const struct vr_switch *w, struct vr_diag *d)
{
	if (vr_str_eq(vr_str_c(w->spare), w->name))
		return VR_OK;
	if (w->spare[0] == '\0')
		return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds no generation, so not %.*s either; `virald replay --name %.*s` makes it",
			w->spare_db, (int)w->name.n, w->name.p, (int)w->name.n, w->name.p);
	return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds generation %s, not %.*s (live is %s)", w->spare_db, w->spare,
		(int)w->name.n, w->name.p, w->was);
}

static enum vr_err check_whose(const struct vr_switch *w, const struct vr_switch_part *p, struct vr_diag *d)
{
	if (strcmp(p->shadow.generation, w->spare) != 0)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "partition %.*s:%d of the spare database is of generation %s, not %s: replay it anew with "
			"--discard %s", PART(p), p->shadow.generation, w->spare, w->spare);
	if (p->live.exists && (strcmp(p->live.group, p->shadow.group) != 0 || strcmp(p->live.cluster, p->shadow.cluster) != 0))
		return vr_diag_set(d, VR_E_REFUSED, "redis", "partition %.*s:%d: the shadow was made for cluster '%s', group '%s', live is of cluster "
			"'%s', group '%s'", PART(p), p->shadow.cluster, p->shadow.group, p->live.cluster, p->live.group);
	return VR_OK;
}

/* Exactly live's partitions: one that is missing would be lost, one too many would be somebody's start decided here. */
static enum vr_err check_part(const struct vr_switch *w, const struct vr_switch_part *p, struct vr_diag *d)
{
	if (!p->shadow.exists && !p->live.exists)
		return VR_OK;
	if (!p->shadow.exists)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "generation %s has no partition %.*s:%d, which live counts: replay all topics", w->spare,
			PART(p));
	if (!p->live.exists && !w->accept_state_loss)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "live has no record of partition %.*s:%d. If Redis lost it, switch with "
			"--accept-state-loss: what was announced up to offset %lld, which the group has committed, is not said again",
			PART(p), (long long)p->reached);
	return check_whose(w, p, d);
}

/* ------------------------------------------------ what has to be waited for ------------ */

static bool is_behind(const struct vr_switch *w, const struct vr_switch_part *p, struct vr_diag *d)
{
	long long lag = (long long)(p->reached - p->shadow.off);
	const char *what = NULL;
	if (!p->shadow.exists)
		return false;
	if (lag < 0)
		what = "live has not reached the shadow's offset yet";
	else if (lag > w->max_lag)
		what = "the shadow has not reached live yet";
	else if (p->live.exists && !w->own_rules && p->shadow.rules != p->live.rules)
		what = "the shadow has not taken up live's rules yet";
	else if (w->own_rules && p->shadow.rules == 0)
		what = "the shadow has not taken up its rules yet";
	else if (w->own_rules && w->rules_named && p->shadow.rules > w->rules_was)
		what = "the shadow took up rules while they were looked at";
	else if (!w->capped && p->live.exists && p->live.complete && !p->shadow.complete)
		what = "not all contents of the shadow are on its leaderboards yet";
	else if (!p->shadow.shown)
		what = "not all views of the shadow are written yet";
	if (!what)
		return false;
	(void)vr_diag_set(d, VR_E_BUSY, "redis", "partition %.*s:%d: %s (shadow at offset %lld, live at %lld, replay.switch_max_lag %lld)", PART(p),
		what, (long long)p->shadow.off, (long long)p->reached, (long long)w->max_lag);
	return true;
}

enum vr_err vr_switch_judge(struct vr_switch *w, const struct vr_replies *r, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	bool any = false;
	enum vr_err err = vr_replies_check(r, d);
	if (!err)
		err = read_all(w, r, d);
	if (err)
		return err;
	*ret = VR_SWITCH_ALREADY;
	if (vr_str_eq(vr_str_c(w->was), w->name))
		return VR_OK;
	err = check_spare(w, d);
	for (size_t i = 0; i < w->n && !err; i++) {
		err = check_part(w, &w->part[i], d);
		any |= w->part[i].shadow.exists;
	}
	if (!err && !any)
		err = vr_diag_set(d, VR_E_REFUSED, "redis", "generation %s has no partition at all of the topics that are configured", w->spare);
	if (!err && w->own_rules && r->at[switch_told_at(w->n) + TOLD_RULES].integer != w->rules_n)
		err = vr_diag_set(d, VR_E_FENCED, "redis", "a rule set was added to vir:rules meanwhile");
	if (err)
		return err;
	*ret = VR_SWITCH_READY;
	for (size_t i = 0; i < w->n && *ret == VR_SWITCH_READY; i++)
		if (is_behind(w, &w->part[i], d))
			*ret = VR_SWITCH_WAIT;
	return VR_OK;
}

/* ------------------------------------------------ how it ended ------------------------- */

/* An error inside is that of a key of the wrong type. The databases have changed places all the same. */
static enum vr_err walk(const struct vr_reply *exec, struct vr_diag *d)
{
	const struct vr_reply *bad = vr_reply_first_error(exec);
	if (!bad)
		return VR_OK;
	if (exec->n && exec->elem[exec->n - 1].type == VR_REPLY_ERROR)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "SWAPDB: %s", exec->elem[exec->n - 1].str.p);
	return vr_diag_set(d, VR_E_REPLY, "redis", "the switch was made, but a key of the new generation is of the wrong type: %s. Switch back, "
		"and replay anew", bad->str.p);
}

enum vr_err vr_switch_done(const struct vr_switch *w, const struct vr_replies *r, struct vr_diag *d)
{
	const struct vr_reply *exec = &r->at[r->n - 1];
	const struct vr_reply *bad = vr_replies_first_error(&(struct vr_replies){r->at, r->n - 1});
	if (!bad && exec->type == VR_REPLY_ERROR)
		bad = exec;
	enum vr_err err = bad ? vr_reply_error_class(bad) : VR_OK;
	if (err == VR_E_AUTH)
		return vr_diag_set(d, err, "redis", "%s. The user needs what deploy/redis/virald.acl gives, SWAPDB among it; nothing was changed",
			bad->str.p);
	if (err == VR_E_OOM)
		return vr_diag_set(d, err, "redis", "%s. Redis has no memory left for writes: raise maxmemory; nothing was changed", bad->str.p);
	if (bad)
		return vr_diag_set(d, err, "redis", "%s; nothing was changed", bad->str.p);
	if (exec->type == VR_REPLY_NIL)
		return vr_diag_set(d, VR_E_FENCED, "redis", "an owner wrote to %s or %s in between", w->was, w->spare);
	if (exec->type != VR_REPLY_ARRAY)
		return vr_diag_set(d, VR_E_CORRUPT, "redis", "EXEC did not answer with a list");
	return walk(exec, d);
}
