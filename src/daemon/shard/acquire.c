/* SPDX-License-Identifier: Apache-2.0 */
/* acquire.c - becoming the owner of a partition.
 *
 *   look      owner record, index, where to begin, operator's word, what was said     (one exchange, WATCH)
 *   decide    go on | begin | an accepted way out | stop and say why
 *   wipe      only when the operator accepted to fold anew: what is stored goes first
 *   claim     new token, seq 0                                                          (MULTI/EXEC)
 *   restore   partials, boards, duplicates, rules; then contents with timers or on boards
 *   place     the first offset to read: that of the fingerprint's record, else the next                    */
#include "shard.h"
#include "virality/keys.h"

enum { LOOK_WATCH, LOOK_OWN, LOOK_INDEX, LOOK_BEGIN, LOOK_ACCEPT, LOOK_ALERTS_DB, LOOK_SAID, LOOK_LIVE_DB, LOOK_GENERATION, LOOKS,
	LOOK_LIVE = LOOKS };	/* of a shadow: what live says */

struct plan {
	struct vr_owner_record record;
	char generation[VR_GENERATION_MAX + 1];	/* of the database */
	bool fresh;			/* nothing stored is to be used */
	bool wipe;			/* and something is stored */
	bool silent;			/* below the log's end now nothing is announced */
	bool other_log;			/* offsets of what was said and of dead letters mean nothing in it */
	int64_t gap;			/* records skipped by an accepted gap */
	struct vr_owner_record old;	/* of what is wiped: its owner, and its stream time tells which minutes of duplicates are stored */
};

/* ------------------------------------------------ look --------------------------------- */

static enum vr_err look(struct vr_shard *s, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_cmds *c = &s->cmds;
	vr_cmds_clear(c);
	vr_owner_look(&s->owner, c);
	vr_cmd(c, 2, "EXISTS");
	vr_key_own(c, &s->keys, "idx");
	vr_cmd(c, 3, "HGET");
	vr_key_begin(c, &s->keys, s->part.topic);
	vr_cmd_i64(c, s->part.partition);
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, &s->keys, "accept");
	vr_cmd_select(c, s->keys.alerts_db);
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, &s->keys, "said");
	vr_cmd_select(c, s->keys.live_db);
	vr_cmd(c, 2, "GET");
	vr_key_global(c, &s->keys, "generation");
	if (s->config.shadow) {
		vr_shadow_reset(s);
		vr_shadow_ask(s);
	}
	enum vr_err err = vr_shard_exchange(s, ret, d);
	return err ? err : vr_replies_check(ret, d);
}

/* ------------------------------------------------ decide ------------------------------- */

static bool accepts(const struct vr_replies *r, const char *what)
{
	const struct vr_reply *word = vr_reply_field(&r->at[LOOK_ACCEPT], "what");
	return word && word->type == VR_REPLY_STR && vr_str_eq(word->str, vr_str_c(what));
}

static struct vr_owner_record new_record(const struct vr_shard *s, const struct plan *p, int64_t off)
{
	struct vr_owner_record r = {.exists = true, .off = off, .base_off = off};
	vr_str_copy(r.cluster, sizeof(r.cluster), vr_str_c(s->config.cluster));
	vr_str_copy(r.group, sizeof(r.group), vr_str_c(s->config.group));
	vr_str_copy(r.generation, sizeof(r.generation), vr_str_c(p->generation));
	return r;
}

static enum vr_err fold_anew(struct vr_shard *s, struct plan *p, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	p->old = p->record;
	p->record = new_record(s, p, first);
	p->fresh = p->wipe = true;
	p->silent = !s->config.announce_history;
	p->other_log = s->anew || p->old.off > end;
	return VR_OK;
}

/* The witness was asked after the look: in between another owner may have begun, and be the one who left it. */
static enum vr_err still_absent(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmd(&s->cmds, 2, "EXISTS");
	vr_key_own(&s->cmds, &s->keys, "own");
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (err || (r.at[0].type == VR_REPLY_INT && r.at[0].integer == 0))
		return err;
	return vr_diag_set(d, VR_E_FENCED, "redis", "another owner began the partition meanwhile");
}

static enum vr_err begin(struct vr_shard *s, const struct vr_replies *r, struct plan *p, struct vr_diag *d)
{
	int64_t off, witness = -1;
	const char *topic = s->part.topic.p;
	int n = (int)s->part.topic.n, part = s->part.partition;
	enum vr_err err = s->world->committed(s->world->ctx, &s->part, &witness);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the group's committed offset");
	bool had_state = witness >= 0 || r->at[LOOK_INDEX].integer > 0;
	if (had_state && s->config.on_missing_state == VR_POLICY_STOP) {
		err = still_absent(s, d);
		return err ? err : vr_diag_set(d, VR_E_STATE_LOST, "redis", "no owner record for %.*s:%d though %s; restore Redis from a backup, "
			"or fold anew with: viralctl accept %.*s:%d --state-loss, or all of them beside, with no reader seeing half: "
			"virald replay --from earliest --to live --switch --accept-state-loss", n, topic, part,
			witness >= 0 ? "the group has committed an offset" : "its index exists", n, topic, part);
	}
	if (had_state)
		return fold_anew(s, p, d);
	if (!vr_reply_i64(&r->at[LOOK_BEGIN], &off)) {
		if (s->config.on_growth == VR_POLICY_STOP)
			return vr_diag_set(d, VR_E_GROWTH, "kafka", "partition %.*s:%d was added later: growth moves contents to other partitions, "
				"so exact counts need a new topic and a replay; or go on with: viralctl accept %.*s:%d --growth",
				n, topic, part, n, topic, part);
		int64_t end;
		err = s->world->bounds(s->world->ctx, &s->part, &off, &end);
		if (err)
			return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	}
	p->record = new_record(s, p, off);
	p->fresh = true;
	p->silent = !s->config.announce_history;
	return VR_OK;
}

static enum vr_err check_ours(const struct vr_shard *s, const struct vr_owner_record *r, struct vr_diag *d)
{
	bool cluster = r->cluster[0] && s->config.cluster[0] && strcmp(r->cluster, s->config.cluster) != 0;
	if (!cluster && strcmp(r->group, s->config.group) == 0)
		return VR_OK;
	return vr_diag_set(d, VR_E_FOREIGN, "redis", "%.*s belongs to cluster '%s', group '%s'; this is cluster '%s', group '%s'. "
		"Give each deployment its own Redis, or its own redis.prefix", (int)s->keys.tag.n, s->keys.tag.p, r->cluster, r->group,
		s->config.cluster, s->config.group);
}

/* The operator's --gap: go on at the first record that is still there. */
static enum vr_err skip_gap(struct vr_shard *s, struct plan *p, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	p->record.last.known = false;
	int64_t off = p->record.off < first ? first : p->record.off > end ? end : p->record.off;
	p->gap = off > p->record.off ? off - p->record.off : 0;
	p->record.off = off;
	return VR_OK;
}

static enum vr_err decide(struct vr_shard *s, const struct vr_replies *r, struct plan *p, struct vr_diag *d)
{
	const struct vr_reply *name = &r->at[LOOK_GENERATION];
	vr_str_copy(p->generation, sizeof(p->generation), name->type == VR_REPLY_STR ? name->str : VR_STR(VR_GENERATION_FIRST));
	bool anew = s->anew || accepts(r, "rebuild") || accepts(r, "from-log-start") || accepts(r, "state-loss");
	enum vr_err err = vr_owner_seen(&s->owner, r->at, &p->record);
	if (err && !anew)
		return vr_diag_set(d, err, "redis", "the owner record is of another format; viralctl accept ... --rebuild folds anew");
	if (!err && p->record.exists)
		err = check_ours(s, &p->record, d);
	if (err && err != VR_E_CORRUPT)
		return err;
	if (anew) {
		err = fold_anew(s, p, d);
		p->other_log |= accepts(r, "from-log-start");
		return err;
	}
	if (!p->record.exists && accepts(r, "growth")) {
		err = fold_anew(s, p, d);
		p->wipe = false;
		return err;
	}
	if (!p->record.exists)
		return begin(s, r, p, d);
	return accepts(r, "gap") ? skip_gap(s, p, d) : VR_OK;
}

/* Of a shadow nothing is anybody's decision but where it begins. */
static enum vr_err decide_shadow(struct vr_shard *s, const struct vr_replies *r, struct plan *p, struct vr_diag *d)
{
	const struct vr_shadow *sh = s->config.shadow;
	const struct vr_reply *name = &r->at[LOOK_GENERATION];
	if (name->type != VR_REPLY_STR || !vr_str_eq(name->str, sh->name))
		return vr_diag_set(d, VR_E_STATE_LOST, "redis", "the spare database is no longer generation '%s': it was switched, or discarded",
			sh->name.p);
	enum vr_err err = vr_shadow_hear(s, r->at + LOOK_LIVE, d);
	if (!err)
		err = vr_owner_seen(&s->owner, r->at, &p->record);
	if (!err && p->record.exists)
		err = check_ours(s, &p->record, d);
	if (err || p->record.exists)
		return err;
	if (r->at[LOOK_INDEX].integer > 0)
		return vr_diag_set(d, VR_E_STATE_LOST, "redis", "no owner record for %.*s:%d in the spare database though its index exists. %s",
			(int)s->part.topic.n, s->part.topic.p, s->part.partition, vr_shard_way_out(s, "", "").text);
	vr_str_copy(p->generation, sizeof(p->generation), sh->name);
	p->record = new_record(s, p, sh->first);
	p->fresh = true;
	return VR_OK;
}

/* ------------------------------------------------ claim -------------------------------- */

static void delete_words(struct vr_shard *s)
{
	vr_cmd(&s->cmds, 3, "DEL");
	vr_key_own(&s->cmds, &s->keys, "accept");
	vr_key_own(&s->cmds, &s->keys, "stop");
}

/* Nobody is paged for what happened before: up to the log's end as it is now, nothing is announced. Of another log,
 * though, nothing was said yet, and no dead letter written, whatever its offsets are. */
static enum vr_err set_said(struct vr_shard *s, const struct plan *p, struct vr_diag *d)
{
	int64_t first, end = 0;
	enum vr_err err = p->silent ? s->world->bounds(s->world->ctx, &s->part, &first, &end) : VR_OK;
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	if (p->other_log)
		s->said.off = s->said.dlq_off = p->record.off;
	s->said.off = end > s->said.off ? end : s->said.off;
	vr_cmd_select(&s->cmds, s->keys.alerts_db);
	vr_cmd(&s->cmds, 8, "HSET");
	vr_key_own(&s->cmds, &s->keys, "said");
	vr_cmd_c(&s->cmds, "silent");
	vr_cmd_i64(&s->cmds, p->silent ? s->said.off : p->record.off);
	vr_cmd_c(&s->cmds, "off");
	vr_cmd_i64(&s->cmds, s->said.off);
	vr_cmd_c(&s->cmds, "dlq_off");
	vr_cmd_i64(&s->cmds, s->said.dlq_off);
	vr_cmd_select(&s->cmds, s->keys.live_db);
	return VR_OK;
}

static enum vr_err claim(struct vr_shard *s, const struct plan *p, struct vr_diag *d)
{
	char token[VR_TOKEN_LEN + 1];
	struct vr_replies r;
	enum vr_err err = VR_OK;
	s->world->token(s->world->ctx, token);
	s->record = p->record;
	vr_cmds_clear(&s->cmds);
	vr_owner_claim_begin(&s->owner, &s->cmds);
	if (p->fresh)
		vr_shard_forget_slots(s);
	if (p->fresh && p->old.exists)
		vr_shard_forget_owner(s, &p->old);
	delete_words(s);
	if (p->silent || p->other_log)
		err = set_said(s, p, d);
	vr_owner_claim_end(&s->owner, &s->record, token, &s->cmds);
	if (!err)
		err = vr_shard_exchange(s, &r, d);
	return err ? err : vr_owner_claimed(&s->owner, &r, d);
}

/* ------------------------------------------------ restore ------------------------------ */

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

static enum vr_err restore(struct vr_shard *s, const struct plan *p, struct vr_diag *d)
{
	enum vr_err err = vr_engine_new(&s->config.engine, s->mem, &s->engine);
	if (err)
		return err;
	vr_engine_set_times(s->engine, s->record.stream, s->record.log);
	if (!p->fresh) {
		err = read_slots(s, d);
		if (!err)
			err = restore_rules(s, d);
		if (!err)
			err = vr_shard_load(s, d);
	}
	return err;
}

/* ------------------------------------------------ all of it ---------------------------- */

static void reset(struct vr_shard *s)
{
	struct vr_mono now = s->world->mono(s->world->ctx);
	s->stored_off = s->record.off;
	s->record.complete = false;
	s->walked = s->walks_all = s->whole = s->evicted = s->at_end = false;
	s->boards_due = true;
	s->boards_owed = false;
	s->last_cut = s->last_boards = s->last_check = now;
	s->forgot_below = INT64_MIN;
	s->folded = 0;
	vr_buf_clear(&s->refused);
	vr_buf_clear(&s->decided);
	s->seam = s->record.last.known;
	s->live.reach = s->record.off;
	s->live.cut_short = false;
	s->anew = false;
}

/* What was said is live's. Below these offsets nothing is, and a fold ends before. */
static enum vr_err say_nothing(struct vr_shard *s)
{
	s->said.n = 0;
	s->said.off = s->said.dlq_off = INT64_MAX;
	return VR_OK;
}

static enum vr_err acquire(struct vr_shard *s, struct plan *p, struct vr_diag *d)
{
	struct vr_replies r;
	enum vr_err err = look(s, &r, d);
	if (!err)
		err = s->config.shadow ? say_nothing(s) : vr_said_read(&s->said, &r.at[LOOK_SAID]);
	if (!err)
		err = s->config.shadow ? decide_shadow(s, &r, p, d) : decide(s, &r, p, d);
	if (!err && p->wipe)
		err = vr_shard_wipe(s, &p->old, p->other_log, d);
	if (!err)
		err = claim(s, p, d);
	if (err)
		return err;
	reset(s);
	err = restore(s, p, d);
	if (!err && s->record.off >= s->said.off)
		err = vr_shard_reconcile(s, d);
	if (!err && s->config.shadow)
		err = vr_shadow_agrees(s, d);
	if (err)
		return err;
	return s->config.shadow ? vr_shadow_follow(s, s->record.off) : vr_shard_follow_rules(s);
}

enum vr_err vr_shard_acquire(struct vr_shard *s, int64_t *ret_start, struct vr_diag *d)
{
	struct plan p = {0};
	vr_shard_drop(s);
	vr_cmds_clear(&s->said_cmds);
	vr_cmds_clear(&s->repairs);
	vr_buf_clear(&s->taken);
	enum vr_err err = acquire(s, &p, d);
	if (err == VR_E_CORRUPT && !strstr(d->text, "--rebuild") && !strstr(d->text, "--discard"))
		err = vr_diag_set(d, err, "redis", "stored state of %.*s cannot be read. %s", (int)s->keys.tag.n, s->keys.tag.p,
			vr_shard_way_out(s, "Restore Redis, or fold anew with", "rebuild").text);
	if (err) {
		vr_shard_drop(s);
		return err;
	}
	if (p.gap)
		vr_shard_note(s, VR_NOTE_GAP, VR_E_GAP, p.gap, "accepted");
	vr_shard_note(s, p.fresh ? VR_NOTE_BEGAN : VR_NOTE_ACQUIRED, VR_OK, s->record.off, "");
	*ret_start = s->seam ? s->record.last.off : s->record.off;
	return VR_OK;
}
