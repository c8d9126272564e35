/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - the states of a slot, what a round does, the thread. */
#include "parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

enum { BATCH = 1024, STAY = 16, BACKOFF_MIN_MS = 50, ACCEPT_MS = 2000, ROUND_MS = 1000, PACE_MS = 20, FACTS_MS = 200 };

/* ------------------------------------------------ a slot's states ----------------------- */

static void enter(struct vr_worker *w, struct vr_worker_slot *s, enum vr_part_state state, enum vr_err err, const struct vr_diag *d)
{
	if (s->state != state || err)
		w->config.state(w->config.ctx, w->config.index, &s->part, vr_part_state_name(state), err, d);
	s->state = state;
}

static void back_off(struct vr_worker_slot *s)
{
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (s->backoff_ms > VR_WORKER_BACKOFF_MS)
		s->backoff_ms = VR_WORKER_BACKOFF_MS;
	s->due = vr_mono_add(vr_clock_mono(), (struct vr_span){s->backoff_ms});
}

/* One switch over the verdicts: what follows from an error is decided here and nowhere below. */
static void fail(struct vr_worker *w, struct vr_worker_slot *s, enum vr_err err, struct vr_diag *d)
{
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_OK:
		return;
	case VR_VERDICT_RETRY:
	case VR_VERDICT_REWIND:
	case VR_VERDICT_POISON:
		back_off(s);
		enter(w, s, s->shard->engine ? VR_PART_WAITING : VR_PART_ACQUIRING, err, d);
		return;
	case VR_VERDICT_STOP:
		if (!w->config.shadow)
			vr_shard_tell_stop(s->shard, err, d->text);
		s->due = vr_mono_add(vr_clock_mono(), (struct vr_span){ACCEPT_MS});
		enter(w, s, VR_PART_STOPPED, err, d);
		return;
	case VR_VERDICT_CONFIG:
	case VR_VERDICT_FATAL:
		back_off(s);
		enter(w, s, VR_PART_ACQUIRING, err, d);
		w->config.fatal(w->config.ctx, err, d);
		return;
	}
}

/* The group waits for a word on every partition it handed out, also on one that cannot go on now. */
static void start_reading(struct vr_worker *w, struct vr_worker_slot *s, int64_t offset)
{
	if (s->started)
		return;
	vr_group_start(w->config.group, &s->part, offset < 0 ? 0 : offset);
	s->started = true;
}

static void acquire(struct vr_worker *w, struct vr_worker_slot *s)
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
	enter(w, s, VR_PART_RUNNING, VR_OK, NULL);
}

/* How many records to take: a shadow does not go past live, nor faster than its pace. */
static size_t ask_turn(struct vr_worker *w, struct vr_worker_slot *s)
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
static enum vr_err take(struct vr_worker *w, struct vr_worker_slot *s, size_t *ret_n, struct vr_diag *d)
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
static size_t run_batch(struct vr_worker *w, struct vr_worker_slot *s)
{
	struct vr_diag d = {0};
	size_t n;
	enum vr_err err = take(w, s, &n, &d);
	if (!err && vr_mono_reached(vr_clock_mono(), vr_shard_due(s->shard)))
		err = vr_shard_tick(s->shard, &d);
	fail(w, s, err, &d);
	atomic_store(&w->beat_ms, vr_clock_mono().ms);
	return err ? 0 : n;
}

/* True: there may be more at once. A backlog is worked off some batches at a time: what one has brought into the caches of
 * the partition's contents and counters serves the next. */
static bool run(struct vr_worker *w, struct vr_worker_slot *s)
{
	size_t n = run_batch(w, s);
	for (int i = 1; i < STAY && n == BATCH; i++)
		n = run_batch(w, s);
	return n > 0;
}

static bool step(struct vr_worker *w, struct vr_worker_slot *s)
{
	struct vr_diag d = {0};
	if (s->state == VR_PART_RUNNING)
		return run(w, s);
	if (!vr_mono_reached(vr_clock_mono(), s->due))
		return false;
	if (s->state == VR_PART_ACQUIRING) {
		acquire(w, s);
	} else if (s->state == VR_PART_WAITING) {
		enum vr_err err = vr_shard_flush(s->shard, &d);
		if (!err)
			enter(w, s, VR_PART_RUNNING, VR_OK, NULL);
		fail(w, s, err, &d);
	} else {
		s->due = vr_mono_add(vr_clock_mono(), (struct vr_span){ACCEPT_MS});
		if (vr_shard_accepted(s->shard))
			enter(w, s, VR_PART_ACQUIRING, VR_OK, NULL);
	}
	return s->state == VR_PART_RUNNING;
}

/* ------------------------------------------------ the thread ---------------------------- */

static int64_t wait_ms(struct vr_worker *w)
{
	struct vr_mono now = vr_clock_mono();
	int64_t wait = w->paced ? PACE_MS : ROUND_MS;
	for (size_t i = 0; i < w->n_slots; i++) {
		const struct vr_worker_slot *s = w->slot[i];
		int64_t left = (s->state == VR_PART_RUNNING ? vr_shard_due(s->shard).ms : s->due.ms) - now.ms;
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
		atomic_store(&w->beat_ms, vr_clock_mono().ms);
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
		vr_worker_let_go(w);
		vr_worker_take_up(w);
		bool more = round_of_slots(w);
		int64_t now = vr_clock_mono().ms;
		if (now - facts_ms >= FACTS_MS) {
			vr_worker_publish_facts(w);
			facts_ms = now;
		}
		atomic_store(&w->beat_ms, now);
		if (!more)
			wait_for_work(w);
	}
	for (size_t i = 0; i < w->n_slots; i++)
		vr_worker_free_slot(w, w->slot[i]);
	w->n_slots = 0;
	return NULL;
}

/* ------------------------------------------------ life ---------------------------------- */

static void letter_written(void *ctx)
{
	struct vr_worker *w = ctx;
	w->config.note(w->config.ctx, VR_BY_ANY, &(struct vr_topic_part){0}, VR_NOTE_DEAD_LETTER, VR_OK, 1, "");
}

enum vr_err vr_worker_new(const struct vr_worker_config *config, struct vr_worker **ret, struct vr_diag *d)
{
	struct vr_worker *w = calloc(1, sizeof(*w));
	if (!w)
		return VR_E_NOMEM;
	w->config = *config;
	w->mem = vr_mem_heap();
	w->letters = (struct vr_letters){.producer = config->producer, .topic = config->dlq_topic, .client_id = config->client_id,
		.task = config->index, .mem = vr_mem_heap(), .stop = &w->stop, .written = letter_written, .ctx = w};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->gone, NULL);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	enum vr_err err = w->wake < 0 ? VR_E_NOMEM : vr_redis_new(&config->redis, &w->redis);
	if (!err)
		err = vr_batch_init(&w->batch, BATCH);
	if (!err) {
		w->world = vr_worker_world(w);
		atomic_store(&w->beat_ms, vr_clock_mono().ms);
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
		vr_worker_wake(w);
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
