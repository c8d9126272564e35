/* SPDX-License-Identifier: Apache-2.0 */
/* commit.c - a cut: everything that changed, the alerts and the offset, in one transaction.
 *
 *   settle dead letters ─> guard (WATCH, is it still ours?) ─> MULTI state, views, alerts, owner record EXEC ─> commit to Kafka */
#include "parts.h"

enum { BOARDS_MS = 1000, BOARDS_LATE_MS = 5000, CHECK_MS = 2000 };

struct vr_span vr_shard_patience(const struct vr_shard *s, struct vr_span shortest, struct vr_span longest)
{
	int64_t ms = s->late.ms / 8;
	return ms < shortest.ms ? shortest : ms > longest.ms ? longest : (struct vr_span){ms};
}

/* ------------------------------------------------ what time it is ----------------------- */

/* View time is stream time, except at the end of the log once nothing has come for a while: then it goes on with the
 * wall clock, so that windows drain. It never goes back. */
static struct vr_wall view_time(const struct vr_shard *s, struct vr_mono now)
{
	struct vr_wall view = vr_wall_max(s->record.view, s->record.stream);
	if (!s->at_end || s->config.shadow || s->record.stream.ms == 0 || now.ms - s->end_since.ms < s->config.idle_timeout.ms)
		return view;
	int64_t passed = s->world->wall(s->world->ctx).ms - s->record.anchor.ms;
	return passed > 0 ? vr_wall_max(view, (struct vr_wall){s->record.stream.ms + passed}) : view;
}

/* ------------------------------------------------ alerts -------------------------------- */

struct announce { struct vr_shard *s; enum vr_err err; };

static void announce(void *ctx, const struct vr_alert *a)
{
	struct announce *an = ctx;
	struct vr_shard *s = an->s;
	bool said = false;
	if (an->err)
		return;
	if (s->config.shadow) {
		vr_write_replayed(&s->said_cmds, &s->keys, s->config.shadow->name, a, &s->scratch);
		return;
	}
	an->err = vr_said_alert(&s->said, &s->keys, a, &s->scratch, &s->said_cmds, &said);
	if (said && (a->state == VR_ALERT_FIRING || a->state == VR_ALERT_RESOLVED))
		vr_shard_note(s, VR_NOTE_ALERT, VR_OK, a->state, "");
}

/* ------------------------------------------------ reconcile ----------------------------- */

struct known { struct vr_shard *s; bool *seen; };

static void see(void *ctx, const struct vr_alert *a)
{
	struct known *k = ctx;
	const struct vr_said_id *id = vr_said_find(&k->s->said, a->id);
	if (id)
		k->seen[id - k->s->said.announced] = true;
}

static enum vr_err end_unknown(struct vr_shard *s, const bool *seen, size_t n, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmds_clear(&s->cmds);
	vr_cmd_select(&s->cmds, s->keys.alerts_db);
	for (size_t i = 0; i < n; i++) {
		char name[6 + VR_ALERT_ID_LEN + 1] = "alert:";
		memcpy(name + 6, s->said.announced[i].id, VR_ALERT_ID_LEN + 1);
		vr_cmd(&s->cmds, 2, "HGETALL");
		vr_key_global(&s->cmds, &s->keys, name);
	}
	vr_cmd_select(&s->cmds, s->keys.live_db);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (err)
		return err;
	/* From the end: an id that goes is replaced by the last of the list. */
	for (size_t i = n; i-- > 0;)
		if (!seen[i])
			vr_said_gone(&s->said, &s->keys, s->said.announced[i].id, &r.at[1 + i], s->record.stream, &s->scratch,
				&s->said_cmds);
	return VR_OK;
}

struct adopt { struct vr_shard *s; enum vr_err err; };

static void adopt(void *ctx, const struct vr_alert *a)
{
	struct adopt *ad = ctx;
	struct vr_shard *s = ad->s;
	if (!ad->err)
		ad->err = vr_said_adopt(&s->said, &s->keys, a, &s->scratch, &s->said_cmds);
}

/* An alert that is pending where announcing begins, and fires later, would be nobody's else. */
static enum vr_err adopt_pending(struct vr_shard *s)
{
	struct adopt ad = {s, VR_OK};
	enum vr_err err = vr_engine_active(s->engine, adopt, &ad);
	return err ? err : ad.err;
}

static enum vr_err end_gone(struct vr_shard *s, struct vr_diag *d)
{
	size_t n = s->said.n;
	if (n == 0)
		return VR_OK;
	bool *seen = vr_mem_get(s->mem, n);
	if (!seen)
		return VR_E_NOMEM;
	memset(seen, 0, n);
	struct known k = {s, seen};
	enum vr_err err = vr_engine_active(s->engine, see, &k);
	if (!err && memchr(seen, 0, n))
		err = end_unknown(s, seen, n, d);
	vr_mem_put(s->mem, seen, n);
	return err;
}

enum vr_err vr_shard_reconcile(struct vr_shard *s, struct vr_diag *d)
{
	enum vr_err err = end_gone(s, d);
	return err ? err : adopt_pending(s);
}

/* ------------------------------------------------ leaderboards -------------------------- */

static bool are_boards_due(const struct vr_shard *s, struct vr_mono now)
{
	struct vr_span wait = vr_shard_patience(s, (struct vr_span){BOARDS_MS}, (struct vr_span){BOARDS_LATE_MS});
	if (vr_shadow_unseen(s))
		return false;
	return s->boards_due || now.ms - s->last_boards.ms >= wait.ms;
}

/* ------------------------------------------------ the transaction ----------------------- */

enum vr_err vr_shard_guard(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmds_clear(&s->cmds);
	vr_owner_guard(&s->owner, &s->cmds);
	if (s->config.shadow)
		vr_shadow_ask(s);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = vr_owner_guarded(&s->owner, &r, d);
	if (!err && s->config.shadow)
		err = vr_shadow_hear(s, r.at + r.n - VR_SHADOW_ASKS, d);
	return err;
}

/* Live may go back after these records were folded: what it will fold then need not be the same. */
static enum vr_err check_limit(const struct vr_shard *s, struct vr_diag *d)
{
	if (!s->config.shadow || s->record.off <= vr_shadow_limit(s))
		return VR_OK;
	return vr_diag_set(d, VR_E_FENCED, "redis", "live stands at offset %lld of %.*s:%d, before %lld", (long long)s->live.off,
		(int)s->part.topic.n, s->part.topic.p, s->part.partition, (long long)s->record.off);
}

static void note_refused(struct vr_shard *s)
{
	const char *p = s->refused.p;
	for (size_t i = 0; i + sizeof(int64_t) <= s->refused.n; i += sizeof(int64_t)) {
		int64_t off;
		memcpy(&off, p + i, sizeof(off));
		vr_cmd(&s->cmds, 3, "RPUSH");
		vr_key_own(&s->cmds, &s->keys, "refused");
		vr_cmd_i64(&s->cmds, off);
	}
}

static void note_rules(struct vr_shard *s)
{
	const char *p = s->taken.p;
	for (size_t i = 0; i + sizeof(struct vr_taken_rules) <= s->taken.n; i += sizeof(struct vr_taken_rules)) {
		struct vr_taken_rules taken;
		memcpy(&taken, p + i, sizeof(taken));
		vr_buf_clear(&s->scratch);
		vr_buf_u64(&s->scratch, taken.no);
		vr_buf_byte(&s->scratch, ' ');
		vr_buf_i64(&s->scratch, taken.off);
		vr_cmd(&s->cmds, 3, "RPUSH");
		vr_key_own(&s->cmds, &s->keys, "rules");
		vr_cmd_str(&s->cmds, vr_buf_str(&s->scratch));
	}
}

/* The alerts' side lies in another database of the same server: still the same transaction. */
static void add_alerts(struct vr_shard *s)
{
	vr_said_raise(&s->said, &s->keys, s->record.off, &s->said_cmds);
	if (s->said_cmds.n == 0)
		return;
	vr_cmd_select(&s->cmds, s->keys.alerts_db);
	vr_cmds_add(&s->cmds, &s->said_cmds);
	vr_cmd_select(&s->cmds, s->keys.live_db);
}

/* Views that waited are many at once, and for no reader's sake. */
static void share_room(const struct vr_shard *s, size_t dirty, struct vr_cut_limits *l)
{
	bool showing = vr_shadow_is_showing(s);
	size_t limit = s->at_end ? s->config.cut_contents : s->config.cut_contents_behind;
	size_t room = dirty < limit ? limit - dirty : 0, minutes = vr_engine_minutes_wait(s->engine);
	if (showing && !s->at_end)	/* memory is full: a cut that is full, too, must make room */
		l->drain = (uint32_t)s->world->turn(s->world->ctx, limit);
	else if (s->at_end)
		l->drain = (uint32_t)(showing ? s->live.granted : room);
	/* While records come minutes go with them; a shadow that rests would wait long for its last ones. */
	if (s->config.shadow && s->at_end && !showing && s->record.off == s->stored_off)
		l->minutes = (uint32_t)s->world->turn(s->world->ctx, minutes < room ? minutes : room);
}

static enum vr_err note_shown(struct vr_shard *s)
{
	s->record.shown |= s->walked && !s->walks && !vr_engine_views_wait(s->engine);
	return s->record.shown ? vr_engine_views(s->engine, VR_VIEWS_SHOWN) : VR_OK;
}

static enum vr_err write_all(struct vr_shard *s, struct vr_mono now)
{
	struct announce an = {s, VR_OK};
	size_t dirty = vr_engine_dirty(s->engine);
	struct vr_cut_limits l = {
		.view = s->record.view,
		.boards = are_boards_due(s, now),
	};
	share_room(s, dirty, &l);
	vr_cmds_clear(&s->cmds);
	vr_owner_commit_begin(&s->owner, &s->cmds);
	vr_cmds_add(&s->cmds, &s->repairs);
	vr_writer_begin(&s->writer);
	s->writer.alert = announce;
	s->writer.alert_ctx = &an;
	struct vr_store store = vr_writer_store(&s->writer);
	enum vr_err err = vr_engine_cut(s->engine, &l, &store);
	vr_writer_end(&s->writer);
	note_refused(s);
	note_rules(s);
	add_alerts(s);
	if (!err && !s->record.shown)
		err = note_shown(s);
	vr_owner_commit_end(&s->owner, &s->record, &s->cmds);
	if (l.boards)
		s->last_boards = now;
	s->boards_owed = !l.boards;
	if (dirty > 0)
		s->bytes_per_content = (s->cmds.buf.n / dirty + s->bytes_per_content) / (s->bytes_per_content ? 2 : 1);
	if (s->cmds.buf.n > s->config.cut_bytes)
		vr_shard_note(s, VR_NOTE_OVERSIZE, VR_OK, (int64_t)s->cmds.buf.n, "");
	bool failed = s->writer.marks.failed || s->writer.ids.failed || s->said_cmds.buf.failed;
	return err ? err : an.err ? an.err : failed ? VR_E_NOMEM : VR_OK;
}

/* A view's key of the wrong type is somebody else's: with the next cut it goes, and the view is written whole. Not at
 * once, for then it might go late, when another owner has written it anew. */

static void repair_view(void *ctx, enum vr_view view, struct vr_str id, const char *error)
{
	static const char *const suffix[] = {
		[VR_VIEW_CONTENT] = "", [VR_VIEW_CHANNELS] = ":channels", [VR_VIEW_INFO] = ":info", [VR_VIEWS] = ":ts"};
	struct vr_shard *s = ctx;
	vr_shard_note(s, VR_NOTE_VIEW_ERROR, VR_E_REPLY, 0, error);
	vr_cmd(&s->repairs, 2, "DEL");
	vr_key_content(&s->repairs, &s->keys, id, suffix[view]);
	vr_engine_reshow(s->engine, id);
}

/* The cut's own time is in what the next one tells. */
static void measure(struct vr_shard *s, struct vr_mono begun)
{
	struct vr_mono now = s->world->mono(s->world->ctx);
	s->cut_took.ms = now.ms - begun.ms;
	s->cut_waited.ms = s->holds ? now.ms - s->oldest.ms : 0;
	s->holds = false;
	vr_worst_add(&s->wait, s->cut_waited, now);
}

static enum vr_err finish(struct vr_shard *s, const struct vr_replies *replies, struct vr_mono now, struct vr_diag *d)
{
	struct vr_replies r;
	enum vr_err err = vr_owner_committed(&s->owner, replies, &r, d);
	if (err)
		return err;
	vr_engine_committed(s->engine);
	vr_cmds_clear(&s->said_cmds);
	struct vr_replies written = {r.at + s->repairs.n, r.n - s->repairs.n};
	vr_cmds_clear(&s->repairs);
	err = vr_writer_walk(&s->writer, &written, repair_view, s, d);
	if (err)
		return err;
	measure(s, now);
	vr_shard_note(s, VR_NOTE_CUT, VR_OK, (int64_t)r.n, "");
	s->last_cut = s->last_check = now;
	s->stored_off = s->record.off;
	s->boards_due = false;
	s->live.granted = 0;
	vr_buf_clear(&s->taken);
	vr_buf_clear(&s->refused);
	s->world->commit(s->world->ctx, &s->part, s->record.off);
	return VR_OK;
}

/* Those that waited, or the word that none does any more. */
static bool has_views(const struct vr_shard *s)
{
	return vr_shadow_is_showing(s) && (s->live.granted > 0 || !vr_engine_views_wait(s->engine));
}

static bool nothing_to_write(struct vr_shard *s, struct vr_mono now)
{
	bool boards = s->boards_due || (s->boards_owed && are_boards_due(s, now));
	return s->record.off == s->stored_off && s->said_cmds.n == 0 && s->taken.n == 0 && !boards && !has_views(s) &&
	       !vr_engine_has_changes(s->engine, s->record.view);
}

/* An idle partition learns that Redis went back in time, or that somebody else owns it, only by looking. */
static enum vr_err check_owner(struct vr_shard *s, struct vr_mono now, struct vr_diag *d)
{
	struct vr_replies r;
	s->last_cut = now;
	if (now.ms - s->last_check.ms < CHECK_MS)
		return VR_OK;
	s->last_check = now;
	vr_cmds_clear(&s->cmds);
	vr_owner_load_begin(&s->owner, &s->cmds);
	vr_owner_load_end(&s->owner, &s->cmds);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	return err ? err : vr_owner_loaded(&s->owner, &r, &r, d);
}

enum vr_err vr_shard_cut(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	struct vr_mono now = s->world->mono(s->world->ctx);
	s->record.view = view_time(s, now);
	s->record.wait = vr_worst_of(&s->wait, now);
	s->record.cut = s->world->wall(s->world->ctx);
	if (nothing_to_write(s, now))
		return check_owner(s, now, d);
	enum vr_err err = s->world->settle(s->world->ctx, &s->letters_failed);
	if (err == VR_E_DLQ)
		return vr_diag_set(d, err, "kafka", "dead letters are not acknowledged; the partition waits");
	if (err)
		return vr_diag_set(d, err, "kafka", "a dead letter was not taken; its record is folded again");
	err = vr_shard_guard(s, d);
	if (!err)
		err = check_limit(s, d);
	if (!err)
		err = write_all(s, now);
	if (!err)
		err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = finish(s, &r, now, d);
	return err;
}
