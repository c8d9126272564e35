/* SPDX-License-Identifier: Apache-2.0 */
/* acquire.c - look, claim, and the way between them (acquire.h). */
#include "acquire.h"

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
	vr_cmd(c, 3, "HGET");
	vr_key_global(c, &s->keys, "gen");
	vr_cmd_c(c, "rules");
	if (s->config.shadow) {
		vr_shadow_reset(s);
		vr_shadow_ask(s);
	}
	enum vr_err err = vr_shard_exchange(s, ret, d);
	return err ? err : vr_replies_check(ret, d);
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
static enum vr_err set_said(struct vr_shard *s, const struct vr_takeover *p, struct vr_diag *d)
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

static enum vr_err claim(struct vr_shard *s, const struct vr_takeover *p, struct vr_diag *d)
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

/* ------------------------------------------------ all of it ---------------------------- */

static void reset(struct vr_shard *s)
{
	struct vr_mono now = s->world->mono(s->world->ctx);
	s->stored_off = s->record.off;
	s->record.complete = false;
	s->walked = s->walks = s->walks_all = s->whole = s->evicted = s->full = s->at_end = false;
	s->boards_due = true;
	s->boards_owed = false;
	s->last_cut = s->last_boards = s->last_check = now;
	s->forgot_below = INT64_MIN;
	s->holds = false;
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

static enum vr_err acquire(struct vr_shard *s, struct vr_takeover *p, struct vr_diag *d)
{
	struct vr_replies r;
	enum vr_err err = look(s, &r, d);
	if (!err)
		err = s->config.shadow ? say_nothing(s) : vr_said_read(&s->said, &r.at[VR_LOOK_SAID]);
	if (!err)
		err = vr_takeover_decide(s, &r, p, d);
	if (!err && p->wipe)
		err = vr_shard_wipe(s, &p->old, p->other_log, d);
	if (!err)
		err = claim(s, p, d);
	if (err)
		return err;
	reset(s);
	err = vr_takeover_restore(s, p, d);
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
	struct vr_takeover p = {0};
	vr_shard_drop(s);
	vr_cmds_clear(&s->said_cmds);
	vr_cmds_clear(&s->repairs);
	vr_buf_clear(&s->taken);
	d->text[0] = '\0';
	enum vr_err err = acquire(s, &p, d);
	if (err == VR_E_CORRUPT && !d->text[0])		/* who knows more has said what to do, too */
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
