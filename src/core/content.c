/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <math.h>

/* Of a channel's entry in a content's list: the pointer, and the number to find it by. */
#define CHAN_PLACE (sizeof(struct vr_chan *) + sizeof(uint16_t))

struct vr_content *vr_content_new(struct vr_pool *pool, struct vr_str id, uint64_t hash)
{
	struct vr_content *c = vr_pool_get(pool, sizeof(*c) + id.n);
	if (!c)
		return NULL;
	char *copy = (char *)(c + 1);
	memcpy(copy, id.p, id.n);
	c->id = (struct vr_str){copy, id.n};
	c->hash = hash;
	c->trend = -INFINITY;
	c->stored_hour = INT32_MIN;
	c->first_off = -1;
	c->shown_top = -1;
	c->view_full = true;
	return c;
}

static void free_text(struct vr_str *s, struct vr_pool *pool)
{
	vr_pool_put(pool, (void *)(uintptr_t)s->p, s->n);
	*s = (struct vr_str){NULL, 0};
}

static void free_chan(struct vr_chan *ch, struct vr_pool *pool, const struct vr_windows *w)
{
	if (ch->share) {
		for (unsigned i = 0; i < w->n; i++)
			vr_ring_done(&ch->share->ring[i], pool);
		vr_pool_put(pool, ch->share, sizeof(*ch->share) + w->n * sizeof(ch->share->ring[0]));
	}
	vr_pool_put(pool, ch->count, ch->cap_counts * sizeof(ch->count[0]));
	vr_pool_put(pool, ch, sizeof(*ch));
}

void vr_content_free(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w)
{
	vr_tally_done(&c->tally, pool, w);
	for (unsigned i = 0; i < c->n_chan; i++)
		free_chan(c->chan[i], pool, w);
	vr_pool_put(pool, c->chan, c->cap_chan * CHAN_PLACE);
	vr_uniques_done(&c->uniques, pool);
	free_text(&c->title, pool);
	free_text(&c->content_type, pool);
	free_text(&c->url, pool);
	free_text(&c->author_id, pool);
	vr_pool_put(pool, c->open, sizeof(*c->open));
	vr_pool_put(pool, c->rule, c->cap_rules * sizeof(c->rule[0]));
	vr_pool_put(pool, c, sizeof(*c) + c->id.n);
}

struct vr_chan *vr_content_chan(const struct vr_content *c, uint16_t channel)
{
	const uint16_t *number = vr_content_numbers(c);
	for (unsigned i = 0; i < c->n_chan; i++)
		if (number[i] == channel)
			return c->chan[i];
	return NULL;
}

/* Room for one more. The numbers lie behind the pointers. */
static enum vr_err reserve_chan(struct vr_content *c, struct vr_pool *pool)
{
	size_t before = c->cap_chan, cap = before ? before * 2 : 1;
	if (c->n_chan < before)
		return VR_OK;
	struct vr_chan **p = vr_pool_resize(pool, c->chan, before * CHAN_PLACE, cap * CHAN_PLACE);
	if (!p)
		return VR_E_NOMEM;
	memmove(p + cap, p + before, before * sizeof(uint16_t));
	c->chan = p;
	c->cap_chan = (uint16_t)cap;
	return VR_OK;
}

enum vr_err vr_content_chan_get(struct vr_content *c, struct vr_pool *pool, uint16_t channel, struct vr_chan **ret,
	bool *ret_new)
{
	struct vr_chan *ch = vr_content_chan(c, channel);
	if (ch) {
		*ret = ch;
		*ret_new = false;
		return VR_OK;
	}
	if (reserve_chan(c, pool))
		return VR_E_NOMEM;
	ch = vr_pool_get(pool, sizeof(*ch));
	if (!ch)
		return VR_E_NOMEM;
	ch->content = c;
	ch->channel = channel;
	vr_content_numbers(c)[c->n_chan] = channel;
	c->chan[c->n_chan++] = ch;
	*ret = ch;
	*ret_new = true;
	return VR_OK;
}

enum vr_err vr_chan_count(struct vr_chan *ch, struct vr_pool *pool, enum vr_action a, uint64_t n)
{
	unsigned i = 0;
	while (i < ch->n_counts && ch->count[i].action < a)
		i++;
	if (i < ch->n_counts && ch->count[i].action == a) {
		ch->count[i].n += n;
		return VR_OK;
	}
	if (ch->n_counts == ch->cap_counts) {
		uint8_t cap = (uint8_t)(ch->cap_counts + 2);
		struct vr_count *p = vr_pool_resize(pool, ch->count, ch->cap_counts * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return VR_E_NOMEM;
		ch->count = p;
		ch->cap_counts = cap;
	}
	memmove(&ch->count[i + 1], &ch->count[i], (size_t)(ch->n_counts - i) * sizeof(ch->count[0]));
	ch->count[i] = (struct vr_count){.n = n, .action = (uint8_t)a};
	ch->n_counts++;
	return VR_OK;
}

uint64_t vr_chan_total(const struct vr_chan *ch, enum vr_action a)
{
	if (a == VR_ACTION_SHARE)
		return ch->share ? ch->share->total : 0;
	for (unsigned i = 0; i < ch->n_counts; i++)
		if (ch->count[i].action == a)
			return ch->count[i].n;
	return 0;
}

enum vr_err vr_chan_series(struct vr_chan *ch, struct vr_pool *pool, const struct vr_windows *w, struct vr_series **ret)
{
	if (!ch->share) {
		struct vr_series *s = vr_pool_get(pool, sizeof(*s) + w->n * sizeof(s->ring[0]));
		if (!s)
			return VR_E_NOMEM;
		s->action = VR_ACTION_SHARE;
		s->shown_total = VR_UNSHOWN;	/* a channel that has fallen back to 0 is shown, too */
		ch->share = s;
	}
	*ret = ch->share;
	return VR_OK;
}

enum vr_err vr_content_text(struct vr_content *c, struct vr_pool *pool, struct vr_str *field, struct vr_str value)
{
	if (value.n == 0 || vr_str_eq(*field, value))
		return VR_OK;
	char *p = vr_pool_get(pool, value.n);
	if (!p)
		return VR_E_NOMEM;
	memcpy(p, value.p, value.n);
	free_text(field, pool);
	*field = (struct vr_str){p, value.n};
	c->meta_dirty = true;
	return VR_OK;
}

bool vr_content_is_long(const struct vr_content *c)
{
	return c->title.n > VR_SHORT_TEXT || c->url.n > VR_SHORT_TEXT || c->author_id.n > VR_SHORT_TEXT;
}

int vr_content_top_channel(const struct vr_content *c, struct vr_str (*name_of)(const void *ctx, uint16_t channel),
	const void *ctx)
{
	int best = -1;
	uint64_t most = 0;
	for (unsigned i = 0; i < c->n_chan; i++) {
		uint64_t n = vr_chan_total(c->chan[i], VR_ACTION_SHARE);
		if (n == 0 || n < most)
			continue;
		uint16_t channel = c->chan[i]->channel;
		if (n == most && vr_str_cmp(name_of(ctx, channel), name_of(ctx, (uint16_t)best)) < 0)
			continue;
		best = channel;
		most = n;
	}
	return best;
}

struct vr_rule_state *vr_content_rule(const struct vr_content *c, uint64_t key)
{
	for (unsigned i = 0; i < c->n_rules; i++)
		if (c->rule[i].key == key)
			return &c->rule[i];
	return NULL;
}

enum vr_err vr_content_rule_set(struct vr_content *c, struct vr_pool *pool, const struct vr_rule_state *state)
{
	struct vr_rule_state *old = vr_content_rule(c, state->key);
	if (old) {
		*old = *state;
		return VR_OK;
	}
	if (c->n_rules == UINT8_MAX)
		return VR_E_NOMEM;
	if (c->n_rules == c->cap_rules) {
		uint8_t cap = (uint8_t)(c->cap_rules > UINT8_MAX - 4 ? UINT8_MAX : c->cap_rules + 4);
		struct vr_rule_state *p = vr_pool_resize(pool, c->rule, c->cap_rules * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return VR_E_NOMEM;
		c->rule = p;
		c->cap_rules = cap;
	}
	/* Sorted by key: the stored form does not depend on the order in which rules began. */
	unsigned i = c->n_rules++;
	for (; i > 0 && c->rule[i - 1].key > state->key; i--)
		c->rule[i] = c->rule[i - 1];
	c->rule[i] = *state;
	return VR_OK;
}

void vr_content_rule_drop(struct vr_content *c, uint64_t key)
{
	struct vr_rule_state *r = vr_content_rule(c, key);
	if (!r)
		return;
	size_t after = (size_t)(&c->rule[c->n_rules] - (r + 1));
	memmove(r, r + 1, after * sizeof(*r));
	c->n_rules--;
}

bool vr_content_has_alert(const struct vr_content *c)
{
	for (unsigned i = 0; i < c->n_rules; i++)
		if (c->rule[i].state == VR_ALERT_PENDING || c->rule[i].state == VR_ALERT_FIRING)
			return true;
	return false;
}

void vr_content_unshown(struct vr_content *c, const struct vr_windows *w)
{
	for (unsigned i = 0; i < c->tally.n; i++)
		vr_series_unshown(vr_tally_at(&c->tally)[i], w);
	for (unsigned i = 0; i < c->n_chan; i++)
		if (c->chan[i]->share)
			c->chan[i]->share->shown_total = VR_UNSHOWN;
	c->shown_uniques = VR_UNSHOWN;
	c->shown_top = VR_TOP_UNKNOWN;
	c->view_full = true;
}

uint64_t vr_content_uniques(struct vr_content *c)
{
	if (c->uniques_stale) {
		c->unique_count = vr_uniques_count(&c->uniques);
		c->uniques_stale = false;
	}
	return c->unique_count;
}

void vr_content_advance(struct vr_content *c, const struct vr_windows *w, struct vr_wall now)
{
	for (unsigned i = 0; i < c->tally.n; i++)
		vr_series_advance(vr_tally_at(&c->tally)[i], w, now);
	for (unsigned i = 0; i < c->n_chan; i++)
		if (c->chan[i]->share)
			vr_series_advance(c->chan[i]->share, w, now);
}

static int64_t ring_next_leave(const struct vr_ring *r, int64_t width, int64_t after)
{
	const struct vr_bucket *at = vr_ring_at(r);
	for (unsigned i = 0; i < r->n; i++)
		if ((at[i].k + VR_BUCKETS) * width > after)
			return (at[i].k + VR_BUCKETS) * width;
	return INT64_MAX;
}

int64_t vr_content_next_leave(const struct vr_content *c, const struct vr_windows *w, int64_t after, int64_t *ret_width)
{
	/* A channel's buckets are among the content's own: they leave at the same moments. */
	int64_t next = INT64_MAX;
	for (unsigned i = 0; i < c->tally.n; i++)
		for (unsigned k = 0; k < w->n; k++) {
			int64_t leave = ring_next_leave(&vr_tally_at(&c->tally)[i]->ring[k], w->width_ms[k], after);
			if (leave < next) {
				next = leave;
				*ret_width = w->width_ms[k];
			}
		}
	return next;
}

int64_t vr_content_leave(struct vr_content *c, const struct vr_windows *w, struct vr_wall stream)
{
	int64_t width;
	if (c->leave <= stream.ms)
		c->leave = vr_content_next_leave(c, w, stream.ms, &width);
	return c->leave;
}

static bool check_chan(const struct vr_content *c, const struct vr_chan *ch)
{
	for (unsigned i = 1; i < ch->n_counts; i++)
		if (ch->count[i - 1].action >= ch->count[i].action)
			return false;
	return ch->content == c && vr_chan_total(ch, VR_ACTION_SHARE) <= vr_tally_total(&c->tally, VR_ACTION_SHARE);
}

bool vr_content_check(const struct vr_content *c, const struct vr_windows *w)
{
	uint64_t shares = 0;
	for (unsigned i = 0; i < c->n_chan; i++) {
		if (!check_chan(c, c->chan[i]))
			return false;
		if (vr_content_numbers(c)[i] != c->chan[i]->channel)
			return false;
		shares += vr_chan_total(c->chan[i], VR_ACTION_SHARE);
	}
	for (unsigned i = 1; i < c->n_rules; i++)
		if (c->rule[i - 1].key >= c->rule[i].key)
			return false;
	return shares == vr_tally_total(&c->tally, VR_ACTION_SHARE) && c->first.ms <= c->last.ms && c->depth_roots <= c->depth_n &&
	       vr_uniques_check(&c->uniques) && vr_tally_check(&c->tally, w);
}
