/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <pthread.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "letters.h"

enum { BATCH = 1024, STAY = 16, SLOTS_MAX = 1024, BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 5000, ACCEPT_MS = 2000, ROUND_MS = 1000, PACE_MS = 20 };

enum slot_state { SLOT_ACQUIRING, SLOT_RUNNING, SLOT_WAITING, SLOT_STOPPED };
static const char *const state_name[] = {"acquiring", "running", "waiting", "stopped"};

struct slot {
	char topic[VR_TOPIC_MAX + 1];
	struct vr_topic_part part;
	struct vr_shard *shard;
	struct vr_feed *feed;
	enum slot_state state;
	struct vr_mono due;		/* of the next attempt */
	int64_t backoff_ms;
	bool started;			/* the group reads it: going elsewhere is a seek */
	bool leaving;			/* taken back */
};

struct vr_worker {
	struct vr_worker_config config;
	struct vr_mem mem;
	struct vr_redis *redis;
	struct vr_world world;
	struct vr_batch batch;
	struct slot *slot[SLOTS_MAX];	/* the worker's own, but for its length and the pointers under the lock */
	size_t n_slots;
	pthread_t thread;
	pthread_mutex_t lock;		/* of slot[], n_slots, facts */
	pthread_cond_t gone;
	struct vr_shard_config tuned;
	bool is_tuned;			/* `tuned` waits to be taken up */
	struct vr_slot_facts facts[SLOTS_MAX];
	size_t n_facts;
	struct vr_mono no_flush_before;	/* Redis did not answer a flush */
	int wake;
	bool paced;			/* in this round records had to wait for their turn */
	_Atomic bool stop;
	_Atomic int64_t beat_ms;
	struct vr_letters letters;
	bool running;
};

static struct slot *find_slot(struct vr_worker *w, const struct vr_topic_part *part)
{
	for (size_t i = 0; i < w->n_slots; i++)
		if (w->slot[i]->part.partition == part->partition && vr_str_eq(w->slot[i]->part.topic, part->topic))
			return w->slot[i];
	return NULL;
}

/* ------------------------------------------------ the world of a shard ------------------ */

static struct vr_mono now_mono(void *ctx)
{
	(void)ctx;
	return vr_clock_mono();
}

static struct vr_wall now_wall(void *ctx)
{
	(void)ctx;
	return vr_clock_wall();
}

static void make_token(void *ctx, char out[VR_TOKEN_LEN + 1])
{
	(void)ctx;
	vr_clock_token(out);
}

static size_t headers(void *ctx, const struct vr_feed_item *item, struct vr_header *out, size_t n)
{
	(void)ctx;
	return vr_feed_headers(item, out, n);
}

static enum vr_err bounds(void *ctx, const struct vr_topic_part *part, int64_t *ret_first, int64_t *ret_end)
{
	struct vr_worker *w = ctx;
	return vr_kafka_bounds(w->config.group, part, w->config.kafka_timeout, ret_first, ret_end);
}

static enum vr_err committed(void *ctx, const struct vr_topic_part *part, int64_t *ret_off)
{
	struct vr_worker *w = ctx;
	return vr_kafka_committed(w->config.group, part, w->config.kafka_timeout, ret_off);
}

static void commit(void *ctx, const struct vr_topic_part *part, int64_t next)
{
	struct vr_worker *w = ctx;
	if (!w->config.shadow)
		vr_kafka_commit(w->config.group, part, next);
}

static const struct vr_rules *rules(void *ctx, uint32_t no, uint32_t *ret_no)
{
	return vr_rulebook_get(((struct vr_worker *)ctx)->config.rules, no, ret_no);
}

static void note(void *ctx, const struct vr_topic_part *part, enum vr_note what, enum vr_err err, int64_t n, const char *text)
{
	struct vr_worker *w = ctx;
	w->config.note(w->config.ctx, w->config.index, part, what, err, n, text);
	if (what != VR_NOTE_CUT)
		return;
	pthread_mutex_lock(&w->lock);
	const struct slot *s = find_slot(w, part);
	struct vr_span took = s ? s->shard->cut_took : (struct vr_span){0};
	pthread_mutex_unlock(&w->lock);
	if (s)
		w->config.cut(w->config.ctx, w->config.index, took);
}

static void dead_letter(void *ctx, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why, const char *what)
{
	vr_letters_send(&((struct vr_worker *)ctx)->letters, part, item, why, what);
}

static enum vr_err settle(void *ctx, int64_t *known) { return vr_letters_settle(&((struct vr_worker *)ctx)->letters, known); }

static void letter_written(void *ctx)
{
	struct vr_worker *w = ctx;
	w->config.note(w->config.ctx, VR_BY_ANY, &(struct vr_topic_part){0}, VR_NOTE_DEAD_LETTER, VR_OK, 1, "");
}

static struct vr_world make_world(struct vr_worker *w)
{
	return (struct vr_world){
		.ctx = w, .redis = vr_redis_link(w->redis), .mono = now_mono, .wall = now_wall, .token = make_token,
		.headers = headers, .bounds = bounds, .committed = committed, .commit = commit, .rules = rules,
		.dead_letter = dead_letter, .settle = settle, .note = note};
}

/* ------------------------------------------------ a slot's states ----------------------- */

static void enter(struct vr_worker *w, struct slot *s, enum slot_state state, enum vr_err err, const struct vr_diag *d)
{
	if (s->state != state || err)
		w->config.state(w->config.ctx, w->config.index, &s->part, state_name[state], err, d);
	s->state = state;
}

static void back_off(struct slot *s)
{
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	s->due = vr_mono_add(now_mono(NULL), (struct vr_span){s->backoff_ms});
}

/* One switch over the verdicts: what follows from an error is decided here and nowhere below. */
static void fail(struct vr_worker *w, struct slot *s, enum vr_err err, struct vr_diag *d)
{
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_OK:
		return;
	case VR_VERDICT_RETRY:
	case VR_VERDICT_REWIND:
	case VR_VERDICT_POISON:
		back_off(s);
		enter(w, s, s->shard->engine ? SLOT_WAITING : SLOT_ACQUIRING, err, d);
		return;
	case VR_VERDICT_STOP:
		if (!w->config.shadow)
			vr_shard_tell_stop(s->shard, err, d->text);
		s->due = vr_mono_add(now_mono(w), (struct vr_span){ACCEPT_MS});
		enter(w, s, SLOT_STOPPED, err, d);
		return;
	case VR_VERDICT_CONFIG:
	case VR_VERDICT_FATAL:
		back_off(s);
		enter(w, s, SLOT_ACQUIRING, err, d);
		w->config.fatal(w->config.ctx, err, d);
		return;
	}
}

/* The group waits for a word on every partition it handed out, also on one that cannot go on now. */
static void start_reading(struct vr_worker *w, struct slot *s, int64_t offset)
{
	if (s->started)
		return;
	vr_group_start(w->config.group, &s->part, offset < 0 ? 0 : offset);
	s->started = true;
}

static void acquire(struct vr_worker *w, struct slot *s)
{
	struct vr_diag d = {0};
	int64_t start = 0;
	enum vr_err err = s->feed ? VR_OK : vr_feed_new(w->config.group, &s->part, w->wake, &s->feed);
	if (!err)
		err = vr_shard_acquire(s->shard, &start, &d);
	if (!err && s->started)
		err = vr_feed_seek(s->feed, start, &d);
	else if (!err)
		start_reading(w, s, start);
	if (err && s->feed && vr_err_verdict(err) == VR_VERDICT_STOP)
		start_reading(w, s, 0);
	if (err) {
		vr_shard_drop(s->shard);
		fail(w, s, err, &d);
		return;
	}
	s->backoff_ms = 0;
	enter(w, s, SLOT_RUNNING, VR_OK, NULL);
}

/* How many records to take: a shadow does not go past live, nor faster than its pace. */
static size_t ask_turn(struct vr_worker *w, struct slot *s)
{
	int64_t room = w->config.shadow ? vr_shadow_room(s->shard) : BATCH;
	size_t n = room < BATCH ? (size_t)room : BATCH;
	if (n == 0 || !w->config.pace)
		return n;
	size_t turn = w->config.pace(w->config.ctx, n);
	w->paced |= turn < n;
	return turn;
}

/* Records that lay past the limit were left: now that it has moved they are read again. */
static enum vr_err take(struct vr_worker *w, struct slot *s, size_t *ret_n, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	*ret_n = 0;
	size_t turn = ask_turn(w, s);
	if (turn > 0 && s->shard->live.cut_short) {
		err = vr_feed_seek(s->feed, vr_shadow_from(s->shard), d);
		s->shard->live.cut_short = err != VR_OK;
	}
	if (!err && turn > 0)
		*ret_n = vr_feed_take(s->feed, turn, &w->batch);
	if (*ret_n > 0 && w->config.pace)
		w->config.paced(w->config.ctx, *ret_n);
	if (*ret_n > 0)
		err = vr_shard_take(s->shard, w->batch.item, *ret_n, d);
	vr_batch_done(&w->batch);
	return err;
}

/* The records that took it; 0 also after a failure. */
static size_t run_batch(struct vr_worker *w, struct slot *s)
{
	struct vr_diag d = {0};
	size_t n;
	enum vr_err err = take(w, s, &n, &d);
	if (!err && vr_mono_reached(now_mono(w), vr_shard_due(s->shard)))
		err = vr_shard_tick(s->shard, &d);
	fail(w, s, err, &d);
	atomic_store(&w->beat_ms, now_mono(w).ms);
	return err ? 0 : n;
}

/* True: there may be more at once. A backlog is worked off some batches at a time: what one has brought into the caches of
 * the partition's contents and counters serves the next. */
static bool run(struct vr_worker *w, struct slot *s)
{
	size_t n = run_batch(w, s);
	for (int i = 1; i < STAY && n == BATCH; i++)
		n = run_batch(w, s);
	return n > 0;
}

static bool step(struct vr_worker *w, struct slot *s)
{
	struct vr_diag d = {0};
	if (s->state == SLOT_RUNNING)
		return run(w, s);
	if (!vr_mono_reached(now_mono(w), s->due))
		return false;
	if (s->state == SLOT_ACQUIRING) {
		acquire(w, s);
	} else if (s->state == SLOT_WAITING) {
		enum vr_err err = vr_shard_flush(s->shard, &d);
		if (!err)
			enter(w, s, SLOT_RUNNING, VR_OK, NULL);
		fail(w, s, err, &d);
	} else {
		s->due = vr_mono_add(now_mono(w), (struct vr_span){ACCEPT_MS});
		if (vr_shard_accepted(s->shard))
			enter(w, s, SLOT_ACQUIRING, VR_OK, NULL);
	}
	return s->state == SLOT_RUNNING;
}

/* ------------------------------------------------ the mailbox --------------------------- */

static void wake(struct vr_worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake, &one, sizeof(one));
	(void)n;	/* a full counter is awake already */
}

static struct slot *new_slot(struct vr_worker *w, const struct vr_topic_part *part)
{
	struct vr_shard_config config = w->config.shard;
	struct vr_diag d;
	struct slot *s = calloc(1, sizeof(*s));
	config.shadow = w->config.shadow ? w->config.shadow(w->config.ctx, part) : NULL;
	if (!s || part->topic.n > VR_TOPIC_MAX) {
		free(s);
		return NULL;
	}
	memcpy(s->topic, part->topic.p, part->topic.n);
	s->part = (struct vr_topic_part){{s->topic, part->topic.n}, part->partition};
	config.engine.topic = s->part.topic;
	config.engine.partition = s->part.partition;
	enum vr_err err = vr_shard_new(&config, &w->world, &w->mem, &s->shard, &d);
	if (!err)
		return s;
	w->config.fatal(w->config.ctx, err, &d);
	free(s);
	return NULL;
}

void vr_worker_give(struct vr_worker *w, const struct vr_topic_part *part)
{
	struct slot *s = new_slot(w, part);
	if (!s)
		return;
	pthread_mutex_lock(&w->lock);
	VR_ASSERT(w->n_slots < SLOTS_MAX);
	w->slot[w->n_slots++] = s;
	pthread_mutex_unlock(&w->lock);
	wake(w);
}

void vr_worker_take_back(struct vr_worker *w, const struct vr_topic_part *part, struct vr_span deadline)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += deadline.ms / 1000;
	pthread_mutex_lock(&w->lock);
	struct slot *s = find_slot(w, part);
	if (s)
		s->leaving = true;
	wake(w);
	while (s && find_slot(w, part) == s)
		if (pthread_cond_timedwait(&w->gone, &w->lock, &end))
			break;
	pthread_mutex_unlock(&w->lock);
}

static void tune(struct vr_shard_config *c, const struct vr_shard_config *t)
{
	c->on_gap = t->on_gap;
	c->on_truncation = t->on_truncation;
	c->on_missing_state = t->on_missing_state;
	c->on_growth = t->on_growth;
	c->cut_interval = t->cut_interval;
	c->idle_timeout = t->idle_timeout;
	c->cut_contents = t->cut_contents;
	c->cut_contents_behind = t->cut_contents_behind;
	c->cut_bytes = t->cut_bytes;
}

void vr_worker_tune(struct vr_worker *w, const struct vr_shard_config *tuned)
{
	pthread_mutex_lock(&w->lock);
	w->tuned = *tuned;
	w->is_tuned = true;
	pthread_mutex_unlock(&w->lock);
	wake(w);
}

static void take_up_tuning(struct vr_worker *w)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; w->is_tuned && i < w->n_slots; i++)
		tune(&w->slot[i]->shard->config, &w->tuned);
	if (w->is_tuned)
		tune(&w->config.shard, &w->tuned);
	w->is_tuned = false;
	pthread_mutex_unlock(&w->lock);
}

size_t vr_worker_parts(struct vr_worker *w)
{
	pthread_mutex_lock(&w->lock);
	size_t n = w->n_slots;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* A guarded flush of a partition that may be somebody else's already is harmless: the fence decides. When Redis does
 * not answer for one, the others do not wait for it as well: what is not flushed is folded again. */
static void free_slot(struct vr_worker *w, struct slot *s)
{
	struct vr_diag d = {0};
	if (vr_mono_reached(now_mono(w), w->no_flush_before) && vr_shard_flush(s->shard, &d))
		w->no_flush_before = vr_mono_add(now_mono(w), (struct vr_span){BACKOFF_MAX_MS});
	vr_shard_free(s->shard);
	vr_feed_free(s->feed);
	free(s);
}

static void drop_leaving(struct vr_worker *w)
{
	for (size_t i = 0; i < w->n_slots;) {
		pthread_mutex_lock(&w->lock);
		struct slot *s = w->slot[i];
		bool leaving = s->leaving;
		pthread_mutex_unlock(&w->lock);
		if (!leaving) {
			i++;
			continue;
		}
		enum slot_state was = s->state;
		struct vr_topic_part part = s->part;
		w->config.state(w->config.ctx, w->config.index, &part, "released", VR_OK, NULL);
		(void)was;
		pthread_mutex_lock(&w->lock);
		w->slot[i] = w->slot[--w->n_slots];
		w->n_facts = 0;
		pthread_mutex_unlock(&w->lock);
		free_slot(w, s);
		pthread_mutex_lock(&w->lock);
		pthread_cond_broadcast(&w->gone);
		pthread_mutex_unlock(&w->lock);
	}
}

/* ------------------------------------------------ facts --------------------------------- */

static void fill_facts(const struct slot *s, struct vr_slot_facts *f)
{
	const struct vr_shard *sh = s->shard;
	*f = (struct vr_slot_facts){.partition = s->part.partition, .state = state_name[s->state], .offset = sh->record.off,
		.stored_off = sh->stored_off, .stream = sh->record.stream, .view = sh->record.view, .complete = sh->record.complete,
		.at_end = sh->at_end, .unknown_fields = sh->codec.unknown_fields};
	memcpy(f->topic, s->topic, sizeof(f->topic));
	if (sh->engine)
		vr_engine_facts(sh->engine, &f->engine);
	if (!sh->config.shadow)
		return;
	f->live_off = sh->live.exists ? sh->live.off : -1;
	f->reach = sh->live.reach > sh->record.off ? sh->live.reach : sh->record.off;
	f->quiet = sh->engine && s->state == SLOT_RUNNING && vr_shadow_quiet(s->shard);
}

static void publish_facts(struct vr_worker *w)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_slots; i++)
		fill_facts(w->slot[i], &w->facts[i]);
	w->n_facts = w->n_slots;
	pthread_mutex_unlock(&w->lock);
}

size_t vr_worker_facts(struct vr_worker *w, struct vr_slot_facts *out, size_t n)
{
	pthread_mutex_lock(&w->lock);
	size_t have = w->n_facts;
	memcpy(out, w->facts, (have < n ? have : n) * sizeof(out[0]));
	pthread_mutex_unlock(&w->lock);
	return have;
}

struct vr_mono vr_worker_beat(const struct vr_worker *w) { return (struct vr_mono){atomic_load(&w->beat_ms)}; }

/* ------------------------------------------------ the thread ---------------------------- */

static int64_t wait_ms(struct vr_worker *w)
{
	struct vr_mono now = now_mono(w);
	int64_t wait = w->paced ? PACE_MS : ROUND_MS;
	for (size_t i = 0; i < w->n_slots; i++) {
		const struct slot *s = w->slot[i];
		int64_t left = (s->state == SLOT_RUNNING ? vr_shard_due(s->shard).ms : s->due.ms) - now.ms;
		wait = left < wait ? left : wait;
	}
	return wait < 0 ? 0 : wait;
}

static void wait_for_work(struct vr_worker *w)
{
	struct pollfd p = {.fd = w->wake, .events = POLLIN};
	uint64_t count;
	if (poll(&p, 1, (int)wait_ms(w)) > 0) {
		ssize_t n = read(w->wake, &count, sizeof(count));
		(void)n;	/* non-blocking: nothing to read is fine */
	}
}

static bool round_of_slots(struct vr_worker *w)
{
	bool more = false;
	w->paced = false;
	pthread_mutex_lock(&w->lock);
	size_t n = w->n_slots;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < n; i++) {
		more |= step(w, w->slot[i]);
		atomic_store(&w->beat_ms, now_mono(w).ms);
	}
	return more;
}

static void *work(void *arg)
{
	struct vr_worker *w = arg;
	char name[16];
	snprintf(name, sizeof(name), "worker-%d", w->config.index);
	pthread_setname_np(pthread_self(), name);
	int64_t facts_ms = 0;
	while (!atomic_load(&w->stop)) {
		drop_leaving(w);
		take_up_tuning(w);
		bool more = round_of_slots(w);
		int64_t now = now_mono(w).ms;
		if (now - facts_ms >= 200) {
			publish_facts(w);
			facts_ms = now;
		}
		atomic_store(&w->beat_ms, now);
		if (!more)
			wait_for_work(w);
	}
	for (size_t i = 0; i < w->n_slots; i++)
		free_slot(w, w->slot[i]);
	w->n_slots = 0;
	return NULL;
}

enum vr_err vr_worker_new(const struct vr_worker_config *config, struct vr_worker **ret, struct vr_diag *d)
{
	struct vr_worker *w = calloc(1, sizeof(*w));
	if (!w)
		return VR_E_NOMEM;
	w->config = *config;
	w->mem = vr_mem_heap();
	w->letters.producer = config->producer;
	w->letters.topic = config->dlq_topic;
	w->letters.client_id = config->client_id;
	w->letters.task = config->index;
	w->letters.mem = vr_mem_heap();
	w->letters.stop = &w->stop;
	w->letters.written = letter_written;
	w->letters.ctx = w;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->gone, NULL);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	enum vr_err err = w->wake < 0 ? VR_E_NOMEM : vr_redis_new(&config->redis, &w->redis);
	if (!err)
		err = vr_batch_init(&w->batch, BATCH);
	if (!err) {
		w->world = make_world(w);
		atomic_store(&w->beat_ms, now_mono(w).ms);
		w->running = pthread_create(&w->thread, NULL, work, w) == 0;
	}
	if (!w->running) {
		vr_worker_free(w);
		return vr_diag_set(d, err ? err : VR_E_NOMEM, "worker", "cannot start a worker thread");
	}
	*ret = w;
	return VR_OK;
}

void vr_worker_free(struct vr_worker *w)
{
	if (!w)
		return;
	if (w->running) {
		atomic_store(&w->stop, true);
		wake(w);
		pthread_join(w->thread, NULL);
	}
	vr_batch_free(&w->batch);
	vr_redis_free(w->redis);
	if (w->wake >= 0)
		close(w->wake);
	pthread_cond_destroy(&w->gone);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
