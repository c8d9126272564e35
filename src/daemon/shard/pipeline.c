/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - the whole way of a batch of records, top to bottom.
 *
 *      records ─> seam ─> decode ─> load contents ─> fold ─> [cut when due]
 *
 * A record is a poison pill for nobody: refused ones are counted, sent to the dead-letter topic with the reason and
 * acknowledged there before the cut that passes them; the records beside them stay exact.                        */
#include "intake.h"
#include "parts.h"

enum { BATCH_MAX = 1024, ALERT_CUT_MS = 10, INTERVALS_MAX = 25 };

/* A batch on its way, one of each for every record. */
struct batch { const struct vr_feed_item *items; struct vr_event *events; struct vr_record *records; size_t n; };

/* ------------------------------------------------ decode -------------------------------- */

static bool was_refused(const struct vr_shard *s, int64_t offset)
{
	for (size_t i = 0; i + sizeof(int64_t) <= s->decided.n; i += sizeof(int64_t))
		if (memcmp(s->decided.p + i, &offset, sizeof(offset)) == 0)
			return true;
	return false;
}

/* The latest Kafka timestamp that this record may have. The clock decides on a record once: another generation folds it
 * at another time, with the same end. */
static struct vr_wall latest_of(const struct vr_shard *s, const struct vr_feed_item *item, struct vr_wall clock)
{
	if (s->config.shadow)
		return vr_shadow_latest(s, item->offset, clock);
	if (item->offset >= s->record.decided)
		return clock;
	return (struct vr_wall){was_refused(s, item->offset) ? INT64_MIN : INT64_MAX};
}

/* A record below the offset that is folded already would count twice: whatever sent it, the partition begins anew. */
static enum vr_err check_order(const struct vr_shard *s, const struct batch *b, struct vr_diag *d)
{
	int64_t next = s->record.off;
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i].offset < next)
			return vr_diag_set(d, VR_E_FENCED, "kafka", "offset %lld came where %lld was due", (long long)b->items[i].offset,
				(long long)next);
		next = b->items[i].offset + 1;
	}
	return VR_OK;
}

static enum vr_err decode_all(struct vr_shard *s, const struct batch *b)
{
	struct vr_wall log = {0};
	struct vr_wall clock = vr_wall_add(s->world->wall(s->world->ctx), s->config.kafka_ahead);
	struct vr_intake in = {&s->events, &s->codec, s->world->headers, s->world->ctx, clock};
	for (size_t i = 0; i < b->n; i++) {
		in.latest = latest_of(s, &b->items[i], clock);
		enum vr_err err = vr_intake_decode(&in, &b->items[i], &b->events[i], &b->records[i]);
		if (err)
			return err;
		vr_intake_admit(s->engine, &b->records[i], &log);
	}
	return vr_engine_want_all(s->engine, b->records, b->n);
}

/* ------------------------------------------------ fold ---------------------------------- */

static void refuse(struct vr_shard *s, const struct vr_feed_item *item, enum vr_err why)
{
	vr_shard_note(s, VR_NOTE_REFUSED, why, item->offset, vr_err_text(why));
	if (why == VR_E_KAFKA_AHEAD && item->offset >= s->record.decided)
		vr_buf_add(&s->refused, &item->offset, sizeof(item->offset));
	if (item->offset >= s->said.dlq_off)
		s->world->dead_letter(s->world->ctx, &s->part, item, why, vr_err_text(why));
}

static void tell(struct vr_shard *s, const struct vr_feed_item *item, const struct vr_outcome *o)
{
	if (o->fate == VR_FATE_REFUSED) {
		refuse(s, item, o->refused);
		return;
	}
	if (o->fate == VR_FATE_FOLDED)
		s->folded++;
	else
		vr_shard_note(s, o->fate == VR_FATE_DUPLICATE ? VR_NOTE_DUPLICATE : VR_NOTE_PASSED, VR_OK, 1, "");
	if (o->late)
		vr_shard_note(s, VR_NOTE_LATE, VR_OK, 1, "");
	if (o->clock_ahead)
		vr_shard_note(s, VR_NOTE_CLOCK_AHEAD, VR_OK, 1, "");
	if (o->dedup_unchecked)
		vr_shard_note(s, VR_NOTE_UNCHECKED, VR_OK, 1, "");
	if (o->miskeyed)
		vr_shard_note(s, VR_NOTE_MISKEYED, VR_OK, 1, "");
}

/* Nearly every record is folded: these are told of together, and before a cut shows them. */
static void tell_folded(struct vr_shard *s)
{
	if (s->folded > 0)
		vr_shard_note(s, VR_NOTE_FOLDED, VR_OK, (int64_t)s->folded, "");
	s->folded = 0;
}

static void pass(struct vr_shard *s, const struct vr_feed_item *item)
{
	struct vr_wall stream = vr_engine_stream(s->engine), log = vr_engine_log(s->engine);
	if (stream.ms > s->record.stream.ms)
		s->record.anchor = log;
	s->record.stream = stream;
	s->record.log = log;
	s->record.off = item->offset + 1;
	if (!s->holds)
		s->oldest = s->came;
	s->holds = true;
}

/* What the log is told by later. Only a cut stores it, and the end of a batch is where the record's bytes end. */
static void fingerprint(struct vr_shard *s, const struct vr_feed_item *item)
{
	s->record.last.known = true;
	s->record.last.off = item->offset;
	s->record.last.time_ms = item->time.ms;
	s->record.last.hash = vr_record_hash(item);
}

/* Enough for a cut, in contents or with one more in bytes? Asked for every record: no division. */
static bool is_full(const struct vr_shard *s)
{
	uint32_t limit = s->at_end ? s->config.cut_contents : s->config.cut_contents_behind;
	size_t dirty = vr_engine_dirty(s->engine);
	return dirty >= limit || (dirty > 0 && (dirty + 1) * s->bytes_per_content > s->config.cut_bytes);
}

/* Longer intervals coalesce more changes of a content into one write. */
static struct vr_span interval(const struct vr_shard *s)
{
	return vr_shard_patience(s, s->config.cut_interval, (struct vr_span){s->config.cut_interval.ms * INTERVALS_MAX});
}

static bool is_due(const struct vr_shard *s, struct vr_mono now)
{
	int64_t since = now.ms - s->last_cut.ms;
	if (is_full(s) || s->live.granted > 0)
		return true;
	if (vr_engine_alerts(s->engine) > 0 && since >= vr_shard_patience(s, (struct vr_span){ALERT_CUT_MS}, interval(s)).ms && s->record.off > s->said.off)
		return true;
	return since >= interval(s).ms;
}

/* How far behind the records are that are folded now. */
static struct vr_span lateness(const struct vr_shard *s)
{
	if (vr_shadow_has_time(s))
		return (struct vr_span){INT32_MAX};
	int64_t late = s->world->wall(s->world->ctx).ms - s->record.log.ms;
	return (struct vr_span){s->at_end || s->record.log.ms == 0 || late < 0 ? 0 : late};
}

/* Dead letters that are not acknowledged hold up the cut, not the batch: its records would not come again. */
static enum vr_err cut_between(struct vr_shard *s, struct vr_diag *d)
{
	tell_folded(s);
	enum vr_err err = s->letters_wait ? VR_OK : vr_shard_cut(s, d);
	if (err != VR_E_DLQ)
		return err;
	s->letters_wait = true;
	return VR_OK;
}

static enum vr_err fold_one(struct vr_shard *s, const struct batch *b, size_t i, struct vr_diag *d)
{
	struct vr_outcome o;
	int64_t before = s->record.off;
	vr_engine_ahead(s->engine, b->records, b->n, i);
	enum vr_err err = vr_engine_fold(s->engine, &b->records[i], &o);
	if (err)
		return err;
	tell(s, &b->items[i], &o);
	pass(s, &b->items[i]);
	if (!vr_shard_reaches_said(s, before))
		return VR_OK;
	fingerprint(s, &b->items[i]);
	err = vr_shard_reconcile(s, d);
	return err ? err : cut_between(s, d);
}

static enum vr_err fold_each(struct vr_shard *s, const struct batch *b, struct vr_diag *d)
{
	struct vr_mono now = s->world->mono(s->world->ctx);
	for (size_t i = 0; i < b->n; i++) {
		enum vr_err err = fold_one(s, b, i, d);
		if (!err && is_due(s, now)) {
			fingerprint(s, &b->items[i]);
			err = cut_between(s, d);
			now = s->world->mono(s->world->ctx);
		}
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err fold_all(struct vr_shard *s, const struct batch *b, struct vr_diag *d)
{
	enum vr_err err = fold_each(s, b, d);
	tell_folded(s);
	if (!err)
		fingerprint(s, &b->items[b->n - 1]);
	return err;
}

static enum vr_err take_records(struct vr_shard *s, const struct vr_feed_item *items, size_t n, struct vr_diag *d)
{
	vr_arena_reset(&s->events);
	s->came = s->world->mono(s->world->ctx);
	struct batch b = {.items = items, .n = n};
	b.events = vr_arena_alloc(&s->events, n * sizeof(*b.events));
	b.records = vr_arena_alloc(&s->events, n * sizeof(*b.records));
	if (!b.events || !b.records)
		return VR_E_NOMEM;
	enum vr_err err = check_order(s, &b, d);
	if (!err)
		err = decode_all(s, &b);
	if (!err && vr_engine_wanted(s->engine) > 0)
		err = vr_shard_load(s, d);
	return err ? err : fold_all(s, &b, d);
}

/* ------------------------------------------------ the batch ----------------------------- */

/* What is no record; *ret_n: records that follow at once. */
static enum vr_err meet(struct vr_shard *s, const struct vr_feed_item *item, struct vr_diag *d)
{
	if (item->what == VR_FEED_RANGE)
		return vr_seam_range(s, item, d);
	if (item->what != VR_FEED_END)
		return VR_OK;
	enum vr_err err = vr_seam_end(s, item, d);
	if (!s->at_end)
		s->end_since = s->world->mono(s->world->ctx);
	s->at_end = true;
	if (item->offset > s->live.reach)
		s->live.reach = item->offset;
	return err;
}

static size_t run_of_records(const struct vr_feed_item *items, size_t n)
{
	size_t i = 0;
	while (i < n && i < BATCH_MAX && items[i].what == VR_FEED_RECORD)
		i++;
	return i;
}

static enum vr_err take_all(struct vr_shard *s, const struct vr_feed_item *items, size_t n, struct vr_diag *d)
{
	enum vr_err err = s->config.shadow ? VR_OK : vr_shard_follow_rules(s);
	s->late = lateness(s);
	for (size_t i = 0; i < n && !err && !s->live.cut_short;) {
		size_t run = run_of_records(items + i, n - i);
		bool skip = false;
		if (run == 0) {
			err = meet(s, &items[i++], d);
			continue;
		}
		if (s->config.shadow)
			err = vr_shadow_run(s, items + i, run, &run);
		if (err || run == 0)
			continue;
		s->at_end = false;
		err = vr_seam_meet(s, &items[i], &skip, d);
		if (!err && run > skip)
			err = take_records(s, items + i + skip, run - skip, d);
		i += run;
	}
	return err;
}

static enum vr_err settle(struct vr_shard *s, enum vr_err err)
{
	if (err && err != VR_E_DLQ)
		vr_shard_drop(s);
	return err;
}

enum vr_err vr_shard_take(struct vr_shard *s, const struct vr_feed_item *items, size_t n, struct vr_diag *d)
{
	VR_ASSERT(s->engine);
	s->letters_wait = false;
	enum vr_err err = take_all(s, items, n, d);
	return settle(s, !err && s->letters_wait ? VR_E_DLQ : err);
}

/* ------------------------------------------------ time passes --------------------------- */

enum vr_err vr_shard_tick(struct vr_shard *s, struct vr_diag *d)
{
	VR_ASSERT(s->engine);
	struct vr_mono now = s->world->mono(s->world->ctx);
	enum vr_err err = s->config.shadow ? vr_shadow_tick(s, d) : vr_shard_follow_rules(s);
	s->late = lateness(s);
	if (!err)
		err = vr_shard_background(s, d);
	if (!err && s->config.shadow)
		err = vr_shadow_show(s);
	vr_shadow_turn(s);
	if (!err && is_due(s, now))
		err = vr_shard_cut(s, d);
	return settle(s, err);
}

struct vr_mono vr_shard_due(const struct vr_shard *s)
{
	if (!s->walked || (s->walks && !s->full))
		return s->world->mono(s->world->ctx);
	if (s->config.shadow && vr_shadow_waits(s))
		return vr_shadow_due(s);
	return vr_mono_add(s->last_cut, interval(s));
}

enum vr_err vr_shard_flush(struct vr_shard *s, struct vr_diag *d)
{
	if (!s->engine)
		return VR_OK;
	s->boards_due |= s->config.shadow != NULL;	/* nobody goes on with it at once, and it is looked at */
	return settle(s, vr_shard_cut(s, d));
}
