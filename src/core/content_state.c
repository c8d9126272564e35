/* SPDX-License-Identifier: Apache-2.0 */
/* content_state.c - the stored form of a content.
 *
 *   byte    format (1)
 *   byte    flags: 1 has a sketch of uniques, 2 has channels beyond the eighth, 4 home is here,
 *           8 home is elsewhere, 16 has an open minute,
 *           32 has a time series
 *   varints first, last, first_off, last_off, records, view_at, hour, rules_no, late,
 *           depth_sum, depth_n, depth_roots, depth_max;  double trend
 *   strings title, content_type, url, author_id
 *   tally; uniques (unless a sketch); up to eight channels; rule states; open minute
 *
 * Numbers are varints, so that a content seen once takes about a hundred bytes.            */
#include "content.h"
#include "virality/engine.h"

enum { FORMAT = 1, HAS_SKETCH = 1, HAS_MORE_CHANNELS = 2, HOME_HERE = 4, HOME_ELSEWHERE = 8, HAS_MINUTE = 16, HAS_SERIES = 32 };

static uint8_t flags_of(const struct vr_content *c)
{
	return (uint8_t)((c->uniques.is_sketch ? HAS_SKETCH : 0) | (c->n_chan > VR_CONTENT_INLINE_CHANNELS ? HAS_MORE_CHANNELS : 0) |
			 (c->home == VR_HOME_HERE ? HOME_HERE : 0) | (c->home == VR_HOME_ELSEWHERE ? HOME_ELSEWHERE : 0) |
			 (c->open ? HAS_MINUTE : 0) | (c->has_series ? HAS_SERIES : 0));
}

enum { VARINT_MAX = 10, NUMBERS = 13 };

/* Room is asked for once. */
static void put_numbers(const struct vr_content *c, struct vr_buf *b)
{
	char *p = vr_buf_room(b, NUMBERS * VARINT_MAX);
	if (!p)
		return;
	p = vr_write_zigzag(p, c->first.ms);
	p = vr_write_zigzag(p, c->last.ms - c->first.ms);
	p = vr_write_zigzag(p, c->first_off);
	p = vr_write_zigzag(p, c->last_off - c->first_off);
	p = vr_write_varint(p, c->records);
	p = vr_write_zigzag(p, c->view_at.ms);
	p = vr_write_zigzag(p, c->hour);
	p = vr_write_varint(p, c->rules_no);
	p = vr_write_varint(p, c->late);
	p = vr_write_varint(p, c->depth_sum);
	p = vr_write_varint(p, c->depth_n);
	p = vr_write_varint(p, c->depth_roots);
	p = vr_write_varint(p, c->depth_max);
	b->n = (size_t)(p - b->p);
	vr_buf_f64(b, c->trend);
}

static void get_numbers(struct vr_content *c, struct vr_rd *r)
{
	c->first.ms = vr_rd_zigzag(r);
	c->last.ms = c->first.ms + vr_rd_zigzag(r);
	c->first_off = vr_rd_zigzag(r);
	c->last_off = c->first_off + vr_rd_zigzag(r);
	c->records = vr_rd_varint(r);
	c->view_at.ms = vr_rd_zigzag(r);
	c->hour = (int32_t)vr_rd_zigzag(r);
	c->rules_no = (uint32_t)vr_rd_varint(r);
	c->late = vr_rd_varint(r);
	c->depth_sum = vr_rd_varint(r);
	c->depth_n = vr_rd_varint(r);
	c->depth_roots = vr_rd_varint(r);
	c->depth_max = (uint32_t)vr_rd_varint(r);
	c->trend = vr_rd_f64(r);
}

static void put_chan(const struct vr_chan *ch, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_varint(b, ch->channel);
	vr_buf_varint(b, ch->n_counts);
	for (unsigned i = 0; i < ch->n_counts; i++) {
		vr_buf_byte(b, ch->count[i].action);
		vr_buf_varint(b, ch->count[i].n);
	}
	struct vr_tally share = {.n = ch->share != NULL, .action = {VR_ACTION_SHARE}, .at.few = {ch->share}};
	vr_tally_encode(&share, w, b);
}

static enum vr_err get_chan_counts(struct vr_chan *ch, struct vr_pool *pool, struct vr_rd *r)
{
	uint64_t n = vr_rd_varint(r);
	for (uint64_t i = 0; i < n && !r->failed; i++) {
		uint8_t action = vr_rd_byte(r);
		uint64_t count = vr_rd_varint(r);
		if (action >= VR_ACTIONS_MAX || action == VR_ACTION_SHARE)
			return VR_E_CORRUPT;
		enum vr_err err = vr_chan_count(ch, pool, action, count);
		if (err)
			return err;
	}
	return r->failed ? VR_E_CORRUPT : VR_OK;
}

static enum vr_err get_chan(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, struct vr_rd *r)
{
	struct vr_chan *ch;
	bool is_new;
	uint64_t number = vr_rd_varint(r);
	if (r->failed || number > UINT16_MAX)
		return VR_E_CORRUPT;
	enum vr_err err = vr_content_chan_get(c, pool, (uint16_t)number, &ch, &is_new);
	if (err)
		return err;
	if (!is_new)
		return VR_E_CORRUPT;
	err = get_chan_counts(ch, pool, r);
	if (err)
		return err;
	struct vr_tally share = {0};
	err = vr_tally_decode(&share, pool, w, r);
	if (!err && share.n > 0) {
		ch->share = share.at.few[0];
		if (share.n > 1 || ch->share->action != VR_ACTION_SHARE)
			err = VR_E_CORRUPT;
	}
	return err;
}

static void put_rules(const struct vr_content *c, struct vr_buf *b)
{
	vr_buf_varint(b, c->n_rules);
	for (unsigned i = 0; i < c->n_rules; i++) {
		vr_buf_varint(b, c->rule[i].key);
		vr_buf_byte(b, c->rule[i].state);
		vr_buf_zigzag(b, c->rule[i].since.ms);
		vr_buf_zigzag(b, c->rule[i].offset);
	}
}

static enum vr_err get_rules(struct vr_content *c, struct vr_pool *pool, struct vr_rd *r)
{
	uint64_t n = vr_rd_varint(r);
	for (uint64_t i = 0; i < n && !r->failed; i++) {
		struct vr_rule_state s = {.key = vr_rd_varint(r)};
		s.state = vr_rd_byte(r);
		s.since.ms = vr_rd_zigzag(r);
		s.offset = vr_rd_zigzag(r);
		if (s.state < VR_ALERT_SUPPRESSED || s.state > VR_ALERT_FIRING)
			return VR_E_CORRUPT;
		enum vr_err err = vr_content_rule_set(c, pool, &s);
		if (err)
			return err;
	}
	return r->failed ? VR_E_CORRUPT : VR_OK;
}

static void put_minute(const struct vr_open_minute *m, struct vr_buf *b)
{
	vr_buf_zigzag(b, m->minute);
	for (unsigned i = 0; i < VR_ACTIONS_MAX; i++)
		vr_buf_varint(b, m->count[i]);
}

static enum vr_err get_minute(struct vr_content *c, struct vr_pool *pool, struct vr_rd *r)
{
	c->open = vr_pool_get(pool, sizeof(*c->open));
	if (!c->open)
		return VR_E_NOMEM;
	c->open->minute = vr_rd_zigzag(r);
	for (unsigned i = 0; i < VR_ACTIONS_MAX; i++)
		c->open->count[i] = vr_rd_varint(r);
	return r->failed ? VR_E_CORRUPT : VR_OK;
}

void vr_content_encode(const struct vr_content *c, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_byte(b, FORMAT);
	vr_buf_byte(b, flags_of(c));
	put_numbers(c, b);
	vr_buf_lstr(b, c->title);
	vr_buf_lstr(b, c->content_type);
	vr_buf_lstr(b, c->url);
	vr_buf_lstr(b, c->author_id);
	vr_tally_encode(&c->tally, w, b);
	if (!c->uniques.is_sketch)
		vr_uniques_encode(&c->uniques, b);
	unsigned n = c->n_chan < VR_CONTENT_INLINE_CHANNELS ? c->n_chan : VR_CONTENT_INLINE_CHANNELS;
	vr_buf_varint(b, n);
	for (unsigned i = 0; i < n; i++)
		put_chan(c->chan[i], w, b);
	put_rules(c, b);
	if (c->open)
		put_minute(c->open, b);
}

void vr_content_encode_channels(const struct vr_content *c, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_byte(b, FORMAT);
	vr_buf_varint(b, (uint64_t)(c->n_chan - VR_CONTENT_INLINE_CHANNELS));
	for (unsigned i = VR_CONTENT_INLINE_CHANNELS; i < c->n_chan; i++)
		put_chan(c->chan[i], w, b);
}

static enum vr_err get_chans(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, struct vr_rd *r)
{
	uint64_t n = vr_rd_varint(r);
	for (uint64_t i = 0; i < n && !r->failed; i++) {
		enum vr_err err = get_chan(c, pool, w, r);
		if (err)
			return err;
	}
	return r->failed ? VR_E_CORRUPT : VR_OK;
}

static enum vr_err get_texts(struct vr_content *c, struct vr_pool *pool, struct vr_rd *r)
{
	struct vr_str *field[] = {&c->title, &c->content_type, &c->url, &c->author_id};
	for (unsigned i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		enum vr_err err = vr_content_text(c, pool, field[i], vr_rd_lstr(r));
		if (err)
			return err;
	}
	c->meta_dirty = false;
	return r->failed ? VR_E_CORRUPT : VR_OK;
}

static enum vr_err get_parts(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, uint8_t flags,
	struct vr_rd *r)
{
	enum vr_err err = get_texts(c, pool, r);
	if (!err)
		err = vr_tally_decode(&c->tally, pool, w, r);
	for (unsigned i = 0; i < c->tally.n; i++)
		c->counted += vr_tally_at(&c->tally)[i]->total;
	if (!err && !(flags & HAS_SKETCH))
		err = vr_uniques_decode(&c->uniques, pool, r);
	if (!err)
		err = get_chans(c, pool, w, r);
	if (!err)
		err = get_rules(c, pool, r);
	if (!err && (flags & HAS_MINUTE))
		err = get_minute(c, pool, r);
	return err;
}

enum vr_err vr_content_decode(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, struct vr_str state)
{
	struct vr_rd r = vr_rd_of(state);
	uint8_t format = vr_rd_byte(&r);
	uint8_t flags = vr_rd_byte(&r);
	if (format != FORMAT || r.failed)
		return VR_E_CORRUPT;
	get_numbers(c, &r);
	c->home = (flags & HOME_HERE) ? VR_HOME_HERE : (flags & HOME_ELSEWHERE) ? VR_HOME_ELSEWHERE : VR_HOME_UNKNOWN;
	c->has_series = (flags & HAS_SERIES) != 0;
	enum vr_err err = get_parts(c, pool, w, flags, &r);
	if (err)
		return err;
	return r.failed || r.p != r.end ? VR_E_CORRUPT : VR_OK;
}

enum vr_err vr_content_decode_channels(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_str state)
{
	struct vr_rd r = vr_rd_of(state);
	if (vr_rd_byte(&r) != FORMAT)
		return VR_E_CORRUPT;
	return get_chans(c, pool, w, &r);
}

enum vr_err vr_content_brief(struct vr_str state, struct vr_brief *ret)
{
	struct vr_content c = {.records = 0};
	struct vr_rd r = vr_rd_of(state);
	uint8_t format = vr_rd_byte(&r);
	(void)vr_rd_byte(&r);
	get_numbers(&c, &r);
	if (format != FORMAT || r.failed)
		return VR_E_CORRUPT;
	*ret = (struct vr_brief){c.first_off, c.last_off, c.hour, c.records};
	return VR_OK;
}

static bool has_flag(struct vr_str state, uint8_t flag)
{
	return state.n >= 2 && ((uint8_t)state.p[1] & flag) != 0;
}

bool vr_content_wants_uniques(struct vr_str state) { return has_flag(state, HAS_SKETCH); }
bool vr_content_wants_channels(struct vr_str state) { return has_flag(state, HAS_MORE_CHANNELS); }
