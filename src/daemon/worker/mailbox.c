/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.c - what other threads give a worker and ask it, and how it takes that up between two rounds. */
#include "parts.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum { BEAT_MAX_MS = 20000 };		/* one that has not gone round for that long is stuck */

const char *vr_part_state_name(enum vr_part_state state)
{
	static const char *const name[] = {"acquiring", "running", "waiting", "stopped"};
	return name[state];
}

/* ------------------------------------------------ in ------------------------------------ */

struct vr_worker_slot *vr_worker_find(struct vr_worker *w, const struct vr_topic_part *part)
{
	for (size_t i = 0; i < w->n_slots; i++)
		if (w->slot[i]->part.partition == part->partition && vr_str_eq(w->slot[i]->part.topic, part->topic))
			return w->slot[i];
	return NULL;
}

void vr_worker_wake(struct vr_worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake, &one, sizeof(one));
	(void)n;	/* a full counter is awake already */
}

static struct vr_worker_slot *new_slot(struct vr_worker *w, const struct vr_topic_part *part)
{
	struct vr_shard_config config = w->config.shard;
	struct vr_diag d;
	struct vr_worker_slot *s = calloc(1, sizeof(*s));
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
	struct vr_worker_slot *s = new_slot(w, part);
	if (!s)
		return;
	pthread_mutex_lock(&w->lock);
	VR_ASSERT(w->n_slots < VR_WORKER_SLOTS_MAX);
	w->slot[w->n_slots++] = s;
	pthread_mutex_unlock(&w->lock);
	vr_worker_wake(w);
}

void vr_worker_take_back(struct vr_worker *w, const struct vr_topic_part *part, struct vr_span deadline)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += deadline.ms / 1000;
	pthread_mutex_lock(&w->lock);
	struct vr_worker_slot *s = vr_worker_find(w, part);
	if (s)
		s->leaving = true;
	vr_worker_wake(w);
	while (s && vr_worker_find(w, part) == s)
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
	vr_worker_wake(w);
}

void vr_worker_take_up(struct vr_worker *w)
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

void vr_worker_free_slot(struct vr_worker *w, struct vr_worker_slot *s)
{
	struct vr_diag d = {0};
	if (vr_mono_reached(vr_clock_mono(), w->no_flush_before) && vr_shard_flush(s->shard, &d))
		w->no_flush_before = vr_mono_add(vr_clock_mono(), (struct vr_span){VR_WORKER_BACKOFF_MS});
	vr_shard_free(s->shard);
	vr_feed_free(s->feed);
	free(s);
}

void vr_worker_let_go(struct vr_worker *w)
{
	for (size_t i = 0; i < w->n_slots;) {
		pthread_mutex_lock(&w->lock);
		struct vr_worker_slot *s = w->slot[i];
		bool leaving = s->leaving;
		pthread_mutex_unlock(&w->lock);
		if (!leaving) {
			i++;
			continue;
		}
		w->config.state(w->config.ctx, w->config.index, &s->part, "released", VR_OK, NULL);
		pthread_mutex_lock(&w->lock);
		w->slot[i] = w->slot[--w->n_slots];
		w->n_facts = 0;
		pthread_mutex_unlock(&w->lock);
		vr_worker_free_slot(w, s);
		pthread_mutex_lock(&w->lock);
		pthread_cond_broadcast(&w->gone);
		pthread_mutex_unlock(&w->lock);
	}
}

/* ------------------------------------------------ out ----------------------------------- */

static void fill_facts(const struct vr_worker_slot *s, struct vr_slot_facts *f)
{
	const struct vr_shard *sh = s->shard;
	*f = (struct vr_slot_facts){.partition = s->part.partition, .state = vr_part_state_name(s->state), .offset = sh->record.off,
		.stored_off = sh->stored_off, .stream = sh->record.stream, .view = sh->record.view, .complete = sh->record.complete,
		.shown = sh->record.shown, .at_end = sh->at_end, .unknown_fields = sh->codec.unknown_fields};
	memcpy(f->topic, s->topic, sizeof(f->topic));
	if (sh->engine)
		vr_engine_facts(sh->engine, &f->engine);
	if (!sh->config.shadow)
		return;
	f->live_off = sh->live.exists ? sh->live.off : -1;
	f->reach = sh->live.reach > sh->record.off ? sh->live.reach : sh->record.off;
	f->came_up = sh->live.came_up;
	f->quiet = sh->engine && s->state == VR_PART_RUNNING && vr_shadow_quiet(s->shard);
}

void vr_worker_publish_facts(struct vr_worker *w)
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

bool vr_workers_have_progress(struct vr_worker *const *w, int n)
{
	int64_t now = vr_clock_mono().ms;
	for (int i = 0; i < n; i++)
		if (now - atomic_load(&w[i]->beat_ms) > BEAT_MAX_MS)
			return false;
	return true;
}
