/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { ASK_MS = 10000, FIND_MS = 60000, SILENCE_MS = 60000, WAIT_MS = 100, BATCH_MAX = 1024 };

struct vr_history {
	struct vr_history_options o;
	struct vr_mem *mem;
	struct vr_group *group;
	struct vr_topic_part *parts;
	struct vr_range *ranges;
	struct vr_feed **feeds;
	size_t n;
	int wake;
	enum vr_err fatal;			/* what the group cannot get over */
	struct vr_diag why;
	struct vr_homes homes;
	struct vr_arena events;
	struct vr_codec_stats codec;
	struct vr_batch batch;
	struct vr_progress progress;
	struct vr_history_facts facts;
	struct vr_wall reached;			/* event time, in the partition that is read */
	uint64_t offsets_before;		/* of the partitions that are through */
	struct vr_mono heard;			/* when something came last */
};

/* A partition on its way. */
struct reader { struct vr_history *h; const struct vr_range *range; struct vr_feed *feed; int64_t next; };

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct vr_mono mono(void) { return (struct vr_mono){read_clock(CLOCK_MONOTONIC)}; }

/* ------------------------------------------------ what the group says ------------------ */

static void assigned(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	(void)ctx, (void)parts, (void)n;
}

static void revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	(void)ctx, (void)parts, (void)n, (void)lost;
}

static void fault(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct vr_history *h = ctx;
	(void)vr_diag_set(&h->why, err, "kafka", "%s", text);
	if (fatal || vr_err_verdict(err) == VR_VERDICT_CONFIG)
		h->fatal = err;
}

/* ------------------------------------------------ opening ------------------------------ */

static enum vr_err list_topic(struct vr_history *h, struct vr_str topic, struct vr_diag *d)
{
	int32_t more;
	bool known;
	struct vr_span wait = {ASK_MS};
	enum vr_err err = vr_kafka_partitions(h->group, topic, wait, &more, d);
	if (!err)
		err = vr_kafka_topic_check(h->group, topic, wait, &known, d);
	if (err)
		return err;
	size_t n = h->n + (size_t)more;
	void *parts = vr_mem_resize(h->mem, h->parts, h->n * sizeof(h->parts[0]), n * sizeof(h->parts[0]));
	if (!parts)
		return VR_E_NOMEM;
	h->parts = parts;
	for (int32_t i = 0; i < more; i++)
		h->parts[h->n++] = (struct vr_topic_part){topic, i};
	return VR_OK;
}

static enum vr_err find_ranges(struct vr_history *h, struct vr_diag *d)
{
	h->ranges = vr_mem_get(h->mem, h->n * sizeof(h->ranges[0]));
	h->feeds = vr_mem_get(h->mem, h->n * sizeof(struct vr_feed *));
	if (!h->ranges || !h->feeds)
		return VR_E_NOMEM;
	memset(h->feeds, 0, h->n * sizeof(struct vr_feed *));
	enum vr_err err = vr_range_find(h->group, h->parts, h->n, &h->o.from, &h->o.to, (struct vr_span){FIND_MS}, h->ranges, d);
	for (size_t i = 0; i < h->n && !err; i++) {
		h->facts.offsets += (uint64_t)(h->ranges[i].end - h->ranges[i].first);
		*(h->ranges[i].gap_at_most ? &h->facts.lost_at_most : &h->facts.lost) += (uint64_t)h->ranges[i].gap;
	}
	h->facts.partitions = h->n;
	return err;
}

static enum vr_err start_feeds(struct vr_history *h, struct vr_diag *d)
{
	enum vr_err err = vr_group_assign(h->group, h->parts, h->n, d);
	for (size_t i = 0; i < h->n && !err; i++)
		err = vr_feed_new(h->group, &h->parts[i], h->wake, &h->feeds[i]);
	for (size_t i = 0; i < h->n && !err; i++)
		vr_group_start(h->group, &h->parts[i], h->ranges[i].first < h->ranges[i].end ? h->ranges[i].first : -1);
	return err;
}

static enum vr_err open_all(struct vr_history *h, struct vr_diag *d)
{
	struct vr_group_ops ops = {.assigned = assigned, .revoked = revoked, .error = fault, .ctx = h};
	enum vr_err err = h->wake < 0 ? VR_E_NOMEM : vr_batch_init(&h->batch, BATCH_MAX);
	if (!err)
		err = vr_group_new(h->o.kafka, &ops, &h->group, d);
	for (size_t i = 0; i < h->o.kafka->n_topics && !err; i++)
		err = list_topic(h, h->o.kafka->topics[i], d);
	if (!err)
		err = find_ranges(h, d);
	return err ? err : start_feeds(h, d);
}

enum vr_err vr_history_open(const struct vr_history_options *o, struct vr_mem *mem, struct vr_history **ret, struct vr_diag *d)
{
	struct vr_history *h = vr_mem_get(mem, sizeof(*h));
	if (!h)
		return VR_E_NOMEM;
	*h = (struct vr_history){.o = *o, .mem = mem};
	h->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vr_homes_init(&h->homes, mem);
	vr_arena_init(&h->events, mem, 256 * 1024);
	enum vr_err err = open_all(h, d);
	if (err)
		vr_history_close(h);
	else
		*ret = h;
	return err;
}

void vr_history_close(struct vr_history *h)
{
	if (!h)
		return;
	vr_batch_free(&h->batch);
	for (size_t i = 0; h->feeds && i < h->n; i++)
		vr_feed_free(h->feeds[i]);
	vr_group_free(h->group);
	if (h->wake >= 0)
		close(h->wake);
	vr_homes_done(&h->homes);
	vr_arena_done(&h->events);
	vr_mem_put(h->mem, h->parts, h->n * sizeof(h->parts[0]));
	vr_mem_put(h->mem, h->ranges, h->n * sizeof(h->ranges[0]));
	vr_mem_put(h->mem, h->feeds, h->n * sizeof(struct vr_feed *));
	vr_mem_put(h->mem, h, sizeof(*h));
}

const struct vr_history_facts *vr_history_facts(const struct vr_history *h) { return &h->facts; }

/* ------------------------------------------------ a run of records --------------------- */

static size_t headers(void *ctx, const struct vr_feed_item *item, struct vr_header *out, size_t n)
{
	(void)ctx;
	return vr_feed_headers(item, out, n);
}

/* The live daemon refuses what is too far ahead of its clock; what no longer is, nobody can tell any more. */
static enum vr_err decode_all(struct vr_history *h, const struct vr_engine *e, const struct vr_feed_item *items,
	struct vr_event *events, struct vr_record *records, size_t n)
{
	struct vr_wall log = {0}, now = {read_clock(CLOCK_REALTIME)};
	struct vr_intake in = {&h->events, &h->codec, headers, NULL, vr_wall_add(now, h->o.config->kafka_max_clock_ahead)};
	for (size_t i = 0; i < n; i++) {
		enum vr_err err = vr_intake_decode(&in, &items[i], &events[i], &records[i]);
		if (err)
			return err;
		vr_intake_admit(e, &records[i], &log);
	}
	return VR_OK;
}

static void note_time(struct vr_history *h, const struct vr_trial *t)
{
	struct vr_engine_facts f;
	vr_engine_facts(t->engine, &f);
	h->reached = f.stream;
	h->facts.last = vr_wall_max(h->facts.last, f.stream);
}

static void note_first(struct vr_history *h, const struct vr_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vr_wall t = records[i].event ? records[i].event->event_time : (struct vr_wall){0};
		if (records[i].event && t.ms <= 0)
			t = records[i].kafka_time;
		if (t.ms > 0 && (h->facts.first.ms == 0 || t.ms < h->facts.first.ms))
			h->facts.first = t;
	}
}

static enum vr_err take_records(struct vr_history *h, const struct vr_feed_item *items, size_t n, struct vr_trial *trials, size_t n_trials)
{
	vr_arena_reset(&h->events);
	struct vr_event *events = vr_arena_alloc(&h->events, n * sizeof(*events));
	struct vr_record *records = vr_arena_alloc(&h->events, n * sizeof(*records));
	struct vr_record *copy = vr_arena_alloc(&h->events, n * sizeof(*copy));
	if (!events || !records || !copy)
		return VR_E_NOMEM;
	enum vr_err err = decode_all(h, trials[0].engine, items, events, records, n);
	if (!err)
		note_first(h, records, n);
	for (size_t i = 0; i < n_trials && !err; i++) {
		memcpy(copy, records, n * sizeof(*copy));
		err = vr_trial_fold(&trials[i], &h->homes, copy, n);
	}
	if (!err)
		note_time(h, &trials[0]);
	h->facts.records += n;
	return err;
}

/* ------------------------------------------------ a partition -------------------------- */

static enum vr_err shorter(const struct reader *r, struct vr_diag *d)
{
	return vr_diag_set(d, VR_E_TRUNCATED, "kafka", "%.*s:%d ends before offset %lld, which it had at the start: the topic was truncated or re-created",
		(int)r->range->part.topic.n, r->range->part.topic.p, r->range->part.partition, (long long)r->range->end);
}

/* Retention is faster than we are: told at the end, and on with what is left. */
static enum vr_err out_of_range(struct reader *r, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = vr_kafka_bounds(r->h->group, &r->range->part, (struct vr_span){ASK_MS}, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	if (first <= r->next)
		return shorter(r, d);
	first = first < r->range->end ? first : r->range->end;
	r->h->facts.lost += (uint64_t)(first - r->next);
	r->next = first;
	return first < r->range->end ? vr_feed_seek(r->feed, first, d) : VR_OK;
}

/* What is no record. */
static enum vr_err meet(struct reader *r, const struct vr_feed_item *item, struct vr_diag *d)
{
	switch (item->what) {
	case VR_FEED_RANGE:
		return out_of_range(r, d);
	case VR_FEED_END:
		if (item->offset < r->range->end)
			return shorter(r, d);
		r->next = r->range->end;
		return VR_OK;
	default:
		if (vr_err_verdict(item->err) != VR_VERDICT_RETRY)
			return vr_diag_set(d, item->err, "kafka", "%.*s", (int)item->value.n, item->value.p);
		(void)vr_diag_set(&r->h->why, item->err, "kafka", "%.*s", (int)item->value.n, item->value.p);
		return VR_OK;
	}
}

static size_t run_of_records(const struct reader *r, const struct vr_feed_item *items, size_t n)
{
	size_t i = 0;
	while (i < n && items[i].what == VR_FEED_RECORD && items[i].offset < r->range->end)
		i++;
	return i;
}

static enum vr_err take_batch(struct reader *r, struct vr_trial *trials, size_t n_trials, struct vr_diag *d)
{
	const struct vr_batch *b = &r->h->batch;
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < b->n && r->next < r->range->end && !err;) {
		const struct vr_feed_item *item = &b->item[i];
		size_t run = run_of_records(r, item, b->n - i);
		if (run > 0) {
			err = take_records(r->h, item, run, trials, n_trials);
			r->next = item[run - 1].offset + 1;
			i += run;
		} else if (item->what == VR_FEED_RECORD) {
			r->next = r->range->end;	/* the first one behind */
		} else {
			err = meet(r, item, d);
			i++;
		}
	}
	return err;
}

/* Nothing is there now. */
static enum vr_err wait_for_more(struct vr_history *h, struct vr_diag *d)
{
	struct pollfd p = {.fd = h->wake, .events = POLLIN};
	uint64_t count;
	if (poll(&p, 1, WAIT_MS) > 0)
		(void)!read(h->wake, &count, sizeof(count));
	vr_group_poll(h->group, (struct vr_span){0});
	if (h->fatal) {
		if (d)
			*d = h->why;
		return h->fatal;
	}
	if (mono().ms - h->heard.ms < SILENCE_MS)
		return VR_OK;
	return vr_diag_set(d, VR_E_AWAY, "kafka", "nothing came for %d s%s%s", SILENCE_MS / 1000, h->why.text[0] ? ": " : "", h->why.text);
}

static void show(struct reader *r)
{
	struct vr_history *h = r->h;
	vr_progress_step(&h->progress, h->offsets_before + (uint64_t)(r->next - r->range->first), h->facts.records, h->reached);
}

static enum vr_err read_partition(struct reader *r, struct vr_trial *trials, size_t n_trials, struct vr_diag *d)
{
	struct vr_history *h = r->h;
	enum vr_err err = VR_OK;
	h->heard = mono();
	while (r->next < r->range->end && !err) {
		if (vr_feed_take(r->feed, BATCH_MAX, &h->batch) == 0) {
			err = wait_for_more(h, d);
			continue;
		}
		h->heard = mono();
		err = take_batch(r, trials, n_trials, d);
		vr_batch_done(&h->batch);
		show(r);
	}
	h->offsets_before += (uint64_t)(r->range->end - r->range->first);
	return err;
}

static enum vr_err run_partition(struct vr_history *h, size_t i, struct vr_trial *trials, size_t n_trials, struct vr_diag *d)
{
	struct reader r = {h, &h->ranges[i], h->feeds[i], h->ranges[i].first};
	struct vr_engine_config c = h->o.engine;
	enum vr_err err = VR_OK;
	c.topic = h->parts[i].topic;
	c.partition = h->parts[i].partition;
	for (size_t k = 0; k < n_trials && !err; k++)
		err = vr_trial_begin(&trials[k], &c, (uint32_t)i + 1, r.next);
	if (!err)
		err = read_partition(&r, trials, n_trials, d);
	for (size_t k = 0; k < n_trials; k++)
		vr_trial_end(&trials[k]);
	return err;
}

enum vr_err vr_history_run(struct vr_history *h, struct vr_trial *trials, size_t n, struct vr_diag *d)
{
	struct vr_mono began = mono();
	enum vr_err err = VR_OK;
	vr_progress_start(&h->progress, "virald", h->facts.offsets, h->o.silent);
	h->progress.json = h->o.json;
	for (size_t i = 0; i < h->n && !err; i++)
		err = run_partition(h, i, trials, n, d);
	vr_progress_end(&h->progress);
	h->facts.took = (struct vr_span){mono().ms - began.ms};
	return err;
}
