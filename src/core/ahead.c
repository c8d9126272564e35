/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.c - the memory of a batch's contents, asked for before it is needed.
 *
 * Contents lie all over the memory, and one is seldom seen again soon: without this a fold is mostly waiting. What a
 * step asks for is found through what the step before has brought:
 *
 *      records[i + FAR]  the content ──> [i + MIDDLE]  its series, lists ──> [i + NEAR]  its channels
 *      ──> [i + NEXT]  what each has counted ──> fold [i]                                                               */
#include "engine_parts.h"

enum { LINE = 64, NEXT = 2, NEAR = 5, MIDDLE = 8, FAR = 12, SLOTS = 16, CHANNELS = 4 };

/* All lines that the n bytes lie in: blocks begin anywhere in one. */
static inline void near(const void *p, size_t n)
{
	const char *end = (const char *)p + n;
	for (const char *at = (const char *)p - (uintptr_t)p % LINE; at < end; at += LINE)
		__builtin_prefetch(at, 1);
}

/* What tells a content from another. */
static inline void name(const struct vr_content *c)
{
	near(&c->id, sizeof(c->id) + sizeof(c->hash));
	near(&c->home, sizeof(c->home));
	near(c + 1, LINE / 2);
}

/* What a fold looks at. */
static inline void front(const struct vr_content *c)
{
	near(c, offsetof(struct vr_content, title));
}

static enum vr_err want(struct vr_engine *e, struct vr_record *r, uint64_t hash)
{
	const struct vr_channel *ch = vr_channel_find(e, r->event->channel);
	r->channel = ch ? ch->number : -1;
	return vr_want(e, r->event->content_id, hash, &r->content);
}

enum vr_err vr_engine_want_all(struct vr_engine *e, struct vr_record *records, size_t n)
{
	uint64_t hash[SLOTS];
	for (size_t from = 0; from < n; from += SLOTS) {
		size_t m = n - from < SLOTS ? n - from : SLOTS;
		struct vr_record *r = records + from;
		for (size_t i = 0; i < m; i++) {
			hash[i] = r[i].event ? vr_hash64(r[i].event->content_id) : 0;
			vr_map_near(&e->contents, hash[i]);
		}
		for (size_t i = 0; i < m; i++) {
			const struct vr_content *c = vr_map_peek(&e->contents, hash[i]);
			if (c)
				name(c);
		}
		for (size_t i = 0; i < m; i++) {
			enum vr_err err = r[i].event ? want(e, &r[i], hash[i]) : VR_OK;
			if (err)
				return err;
		}
	}
	return VR_OK;
}

static void series(const struct vr_engine *e, const struct vr_series *s)
{
	if (s)
		near(s, sizeof(*s) + e->config.windows.n * sizeof(s->ring[0]));
}

/* The channels' places and numbers. */
static void channels(const struct vr_content *c)
{
	near(c->chan, c->cap_chan * (sizeof(c->chan[0]) + sizeof(uint16_t)));
}

static void lists(const struct vr_engine *e, const struct vr_record *r)
{
	const struct vr_content *c = r->content;
	if (c->tally.n <= VR_TALLY_FEW)
		series(e, vr_tally_find(&c->tally, r->event->action));
	else
		near(c->tally.at.many, VR_ACTIONS_MAX * sizeof(c->tally.at.many[0]));
	channels(c);
	if (c->open)
		near(c->open, sizeof(*c->open));
}

static const struct vr_chan *chan_of(const struct vr_record *r)
{
	return r->channel < 0 ? NULL : vr_content_chan(r->content, (uint16_t)r->channel);
}

static void parts(const struct vr_engine *e, const struct vr_record *r)
{
	const struct vr_chan *ch = chan_of(r);
	if (r->content->tally.n > VR_TALLY_FEW)
		series(e, vr_tally_find(&r->content->tally, r->event->action));
	if (ch)
		near(ch, sizeof(*ch));
}

/* The newest bucket of each ring that has them apart. */
static void buckets(const struct vr_engine *e, const struct vr_series *s)
{
	for (unsigned i = 0; s && i < e->config.windows.n; i++)
		if (s->ring[i].cap > 1)
			__builtin_prefetch(&s->ring[i].at.many[s->ring[i].n - 1], 1);
}

static void counts(const struct vr_engine *e, const struct vr_record *r)
{
	const struct vr_chan *ch = chan_of(r);
	buckets(e, vr_tally_find(&r->content->tally, r->event->action));
	if (!ch)
		return;
	if (r->event->action == VR_ACTION_SHARE)
		series(e, ch->share);
	else
		near(ch->count, ch->n_counts * sizeof(ch->count[0]));
}

static const struct vr_record *at(const struct vr_record *records, size_t n, size_t i)
{
	return i < n && records[i].event && records[i].content ? &records[i] : NULL;
}

void vr_engine_ahead(const struct vr_engine *e, const struct vr_record *records, size_t n, size_t i)
{
	const struct vr_record *r = at(records, n, i + FAR);
	if (r)
		front(r->content);
	r = at(records, n, i + MIDDLE);
	if (r)
		lists(e, r);
	r = at(records, n, i + NEAR);
	if (r)
		parts(e, r);
	r = at(records, n, i + NEXT);
	if (r)
		counts(e, r);
}

/* ------------------------------------------------ a cut ---------------------------------- */

static void whole_lists(const struct vr_engine *e, const struct vr_content *c)
{
	if (c->tally.n > VR_TALLY_FEW)
		near(c->tally.at.many, c->tally.n * sizeof(c->tally.at.many[0]));
	else
		for (unsigned i = 0; i < c->tally.n; i++)
			series(e, c->tally.at.few[i]);
	channels(c);
	if (!c->uniques.is_sketch)
		near(c->uniques.at.hash, c->uniques.n * sizeof(c->uniques.at.hash[0]));
}

static void whole_parts(const struct vr_engine *e, const struct vr_content *c)
{
	for (unsigned i = 0; c->tally.n > VR_TALLY_FEW && i < c->tally.n; i++)
		series(e, c->tally.at.many[i]);
	for (unsigned i = 0; i < c->n_chan && i < CHANNELS; i++)
		near(c->chan[i], sizeof(*c->chan[i]));
}

static void whole_counts(const struct vr_engine *e, const struct vr_content *c)
{
	for (unsigned i = 0; i < c->tally.n; i++)
		buckets(e, vr_tally_at(&c->tally)[i]);
	for (unsigned i = 0; i < c->n_chan && i < CHANNELS; i++) {
		series(e, c->chan[i]->share);
		near(c->chan[i]->count, c->chan[i]->n_counts * sizeof(c->chan[i]->count[0]));
	}
}

static const struct vr_content *dirty_at(const struct vr_engine *e, size_t i)
{
	return i < e->dirty.n ? vr_engine_dirty_at(e, i) : NULL;
}

void vr_ahead_cut(const struct vr_engine *e, size_t i)
{
	const struct vr_content *c = dirty_at(e, i + FAR);
	if (c)
		near(c, sizeof(*c) + LINE);
	c = dirty_at(e, i + MIDDLE);
	if (c)
		whole_lists(e, c);
	c = dirty_at(e, i + NEAR);
	if (c)
		whole_parts(e, c);
	c = dirty_at(e, i + NEXT);
	if (c)
		whole_counts(e, c);
}

void vr_ahead_committed(const struct vr_engine *e, size_t i)
{
	const struct vr_content *c = dirty_at(e, i + FAR);
	if (c) {
		__builtin_prefetch(&c->records, 1);
		__builtin_prefetch(&c->home, 1);
	}
}
