/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - an accepted event into everything that counts it: the content, the content on its
 * channel, the channel, the partition; uniques, depth, trend.                                  */
#include <math.h>

#include "engine_parts.h"

static enum vr_err count_chan(struct vr_engine *e, struct vr_chan *ch, const struct vr_event *ev)
{
	struct vr_series *s;
	bool late;
	if (ev->action != VR_ACTION_SHARE)
		return vr_chan_count(ch, &e->pool, ev->action, ev->count);
	enum vr_err err = vr_chan_series(ch, &e->pool, &e->config.windows, &s);
	return err ? err : vr_series_add(s, &e->pool, &e->config.windows, &e->now, &e->at, ev->count, &late);
}

static void take_from(const struct vr_engine *e, struct vr_tally *t, struct vr_wall at, const struct vr_taken *want)
{
	struct vr_taken ignored;
	struct vr_series *s = vr_tally_find(t, VR_ACTION_SHARE);
	if (s)
		vr_series_take(s, &e->config.windows, e->stream, at, want, &ignored);
}

/* Clamped once, at content x channel; content, channel and overall lose exactly what that gave up. */
static enum vr_err take_back(struct vr_engine *e, struct vr_content *c, struct vr_chan *ch, struct vr_channel *channel,
	const struct vr_event *ev, struct vr_wall t)
{
	struct vr_wall at = ev->parent_event_time.ms > 0 ? ev->parent_event_time : t;
	struct vr_taken want, given;
	if (!ch->share)
		return VR_OK;
	enum vr_err err = vr_channel_settle(e, channel);
	if (!err)
		err = vr_channel_settle(e, &e->all);
	want.total = ev->count;
	for (unsigned i = 0; i < VR_WINDOWS_MAX; i++)
		want.window[i] = ev->count;
	c->leave = 0;
	vr_series_take(ch->share, &e->config.windows, e->stream, at, &want, &given);
	take_from(e, &c->tally, at, &given);
	take_from(e, &channel->tally, at, &given);
	take_from(e, &e->all.tally, at, &given);
	return err;
}

/* log2(2^z + n 2^(t/H)) without leaving the range of a double. */
static double trend_add(double z, struct vr_wall t, uint64_t n)
{
	double x = (double)t.ms / VR_TREND_HALF_LIFE_MS + log2((double)n);
	double high = z > x ? z : x, low = z > x ? x : z;
	return high - low > 60 ? high : high + log2(1 + exp2(low - high));
}

static void count_depth(struct vr_content *c, const struct vr_event *ev)
{
	uint32_t depth = ev->depth;
	if (depth == 0 && ev->parent_event_id.n > 0)
		return;
	if (depth == 0)
		depth = 1;
	c->depth_dirty = true;
	c->depth_sum += depth;
	c->depth_n++;
	c->depth_roots += depth == 1;
	if (depth > c->depth_max)
		c->depth_max = depth;
}

static enum vr_err count_share(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev, struct vr_wall t)
{
	count_depth(c, ev);
	c->trend = trend_add(c->trend, t, ev->count);
	if (ev->actor_id.n == 0)
		return VR_OK;
	bool changed;
	enum vr_err err = vr_uniques_add(&c->uniques, &e->pool, ev->actor_id, &changed);
	if (!err && changed)
		c->uniques_dirty = c->uniques_stale = true;
	return err;
}

/* Nearly every event brings the texts that are known: that is told without touching them. */
static uint64_t hash_texts(const struct vr_event *ev)
{
	const struct vr_str text[] = {ev->title, ev->content_type, ev->url, ev->author_id};
	uint64_t h = 1;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		h = h * UINT64_C(0x9E3779B97F4A7C15) + (text[i].n ? vr_hash64(text[i]) : 0);
	return h;
}

static enum vr_err keep_texts(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev)
{
	uint64_t hash = hash_texts(ev);
	if (hash == c->texts)
		return VR_OK;
	enum vr_err err = vr_content_text(c, &e->pool, &c->title, ev->title);
	if (!err)
		err = vr_content_text(c, &e->pool, &c->content_type, ev->content_type);
	if (!err)
		err = vr_content_text(c, &e->pool, &c->url, ev->url);
	if (!err)
		err = vr_content_text(c, &e->pool, &c->author_id, ev->author_id);
	if (!err)
		c->texts = hash;
	return err;
}

static void set_moments(struct vr_engine *e, struct vr_wall t)
{
	bool turns = vr_moment_set(&e->now, &e->config.windows, e->stream);
	if (!vr_bucket_has(e->minute, VR_MINUTE_MS, e->stream.ms)) {
		e->minute = vr_bucket_of(e->stream.ms, VR_MINUTE_MS);
		turns = true;
	}
	e->turn += turns;
	e->beside = vr_moment_beside(&e->at, &e->config.windows, t, &e->now) &&
		vr_bucket_has(e->minute, VR_MINUTE_MS, t.ms);
}

static enum vr_err count_tallies(struct vr_engine *e, struct vr_content *c, struct vr_channel *channel,
	const struct vr_event *ev, struct vr_wall t, bool *ret_late)
{
	struct vr_series *s;
	c->counted += ev->count;
	vr_content_leave_counts(c, &e->config.windows, t);
	enum vr_err err = vr_tally_series(&c->tally, &e->pool, &e->config.windows, ev->action, &s);
	if (!err)
		err = vr_series_add(s, &e->pool, &e->config.windows, &e->now, &e->at, ev->count, ret_late);
	if (!err)
		err = vr_channel_count(e, channel, ev->action, ev->count);
	return err ? err : vr_channel_count(e, &e->all, ev->action, ev->count);
}

enum vr_err vr_count(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev, struct vr_wall t, uint16_t number,
	struct vr_outcome *ret)
{
	struct vr_channel *channel = vr_engine_channel(e, number);
	struct vr_chan *ch;
	bool is_new;
	set_moments(e, t);
	enum vr_err err = vr_content_chan_get(c, &e->pool, number, &ch, &is_new);
	if (err)
		return err;
	if (is_new)
		vr_channel_link(channel, ch);
	/* What lies beyond the eighth is stored apart. */
	for (unsigned i = VR_CONTENT_INLINE_CHANNELS; i < c->n_chan; i++)
		c->chans_dirty |= c->chan[i] == ch;
	err = count_tallies(e, c, channel, ev, t, &ret->late);
	if (!err)
		err = count_chan(e, ch, ev);
	if (!err && ev->action == VR_ACTION_SHARE)
		err = count_share(e, c, ev, t);
	if (!err && ev->action == VR_ACTION_UNSHARE)
		err = take_back(e, c, ch, channel, ev, t);
	c->records++;
	if (!err)
		err = vr_minute_count(e, c, ev, t);
	if (!err)
		err = keep_texts(e, c, ev);
	if (!err && ev->action == VR_ACTION_SHARE) {
		vr_boards_raise(e, c, NULL);
		vr_boards_raise(e, c, ch);
	}
	return err;
}
