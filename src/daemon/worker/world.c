/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - what a shard can reach (shard/world.h), for real. */
#include "parts.h"

#include "clock.h"

enum { VIEW_WEIGHT = 24 };

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
	const struct vr_worker_slot *s = vr_worker_find(w, part);
	struct vr_span took = s ? s->shard->cut_took : (struct vr_span){0}, waited = s ? s->shard->cut_waited : (struct vr_span){0};
	pthread_mutex_unlock(&w->lock);
	if (s)
		w->config.cut(w->config.ctx, w->config.index, took, waited);
}

static void dead_letter(void *ctx, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why, const char *what)
{
	vr_letters_send(&((struct vr_worker *)ctx)->letters, part, item, why, what);
}

static enum vr_err settle(void *ctx, int64_t *known) { return vr_letters_settle(&((struct vr_worker *)ctx)->letters, known); }

/* A view takes Redis as long as some records that are folded without one, and live's cuts stand in line behind it. */
static size_t turn(void *ctx, size_t n)
{
	struct vr_worker *w = ctx;
	if (!w->config.pace)
		return n;
	/* Rounded up: at a rate that never gives as much at a time, one is taken and the rest of it owed. */
	size_t views = (w->config.pace(w->config.ctx, n * VIEW_WEIGHT) + VIEW_WEIGHT - 1) / VIEW_WEIGHT;
	w->config.paced(w->config.ctx, views * VIEW_WEIGHT);
	return views;
}

struct vr_world vr_worker_world(struct vr_worker *w)
{
	return (struct vr_world){
		.ctx = w, .redis = vr_redis_link(w->redis), .mono = now_mono, .wall = now_wall, .token = make_token,
		.headers = headers, .bounds = bounds, .committed = committed, .commit = commit, .rules = rules,
		.dead_letter = dead_letter, .settle = settle, .turn = turn, .note = note};
}
