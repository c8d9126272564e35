/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - the partition's counts per channel and overall ("partials": the publisher merges them).
 *
 * Stored: format byte, number (varint), gross (varint), tally, then the minutes of the time series:
 * how many, and for each its number and 13 counts.                                              */
#include "engine_parts.h"

enum { FORMAT = 1 };

enum vr_err vr_channel_init(struct vr_engine *e, struct vr_channel *ch, struct vr_str name, uint16_t number)
{
	char *copy = vr_pool_get(&e->pool, name.n);
	if (!copy)
		return VR_E_NOMEM;
	memcpy(copy, name.p, name.n);
	ch->name = (struct vr_str){copy, name.n};
	ch->number = number;
	return VR_OK;
}

struct vr_channel *vr_engine_channel(const struct vr_engine *e, uint16_t number)
{
	VR_ASSERT(number < e->channels.n);
	return ((struct vr_channel **)e->channels.at)[number];
}

struct vr_str vr_engine_channel_name(const void *engine, uint16_t number)
{
	return vr_engine_channel(engine, number)->name;
}

struct vr_channel *vr_channel_find(const struct vr_engine *e, struct vr_str name)
{
	return vr_map_find(&e->channel_names, vr_hash64(name), name);
}

static enum vr_err add_channel(struct vr_engine *e, struct vr_str name, struct vr_channel **ret)
{
	struct vr_channel *ch = vr_pool_get(&e->pool, sizeof(*ch));
	if (!ch)
		return VR_E_NOMEM;
	enum vr_err err = vr_channel_init(e, ch, name, (uint16_t)e->channels.n);
	for (unsigned i = 0; !err && i < e->config.windows.n; i++)
		err = vr_board_new(&e->pool_mem, e->config.board_size, &ch->board[i]);
	if (!err)
		err = vr_map_put(&e->channel_names, vr_hash64(ch->name), ch->name, ch);
	struct vr_channel **slot = err ? NULL : vr_list_push(&e->channels, &e->pool_mem, sizeof(ch));
	if (!slot)
		return VR_E_NOMEM;
	*slot = ch;
	*ret = ch;
	return VR_OK;
}

enum vr_err vr_channel_number(struct vr_engine *e, struct vr_str name, uint16_t *ret)
{
	struct vr_str other = VR_STR("_other");
	struct vr_channel *ch = vr_channel_find(e, name);
	bool full = e->channels.n >= e->config.channels_max;
	if (!ch && full)
		ch = vr_channel_find(e, other);
	if (!ch) {
		enum vr_err err = add_channel(e, full ? other : name, &ch);
		if (err)
			return err;
	}
	*ret = ch->number;
	return VR_OK;
}

void vr_channel_link(struct vr_channel *ch, struct vr_chan *chan)
{
	chan->prev = NULL;
	chan->next = ch->chans;
	if (ch->chans)
		ch->chans->prev = chan;
	ch->chans = chan;
	ch->n_chans++;
}

void vr_channel_unlink(struct vr_channel *ch, struct vr_chan *chan)
{
	if (chan->prev)
		chan->prev->next = chan->next;
	else
		ch->chans = chan->next;
	if (chan->next)
		chan->next->prev = chan->prev;
	ch->n_chans--;
}

/* The slot of a minute in the sorted list; NULL: older than all that are kept. */
static struct vr_minute *minute_slot(struct vr_channel *ch, int64_t minute)
{
	unsigned i = ch->n_minutes;
	while (i > 0 && ch->minute[i - 1].minute > minute)
		i--;
	if (i > 0 && ch->minute[i - 1].minute == minute)
		return &ch->minute[i - 1];
	if (ch->n_minutes == VR_CHANNEL_MINUTES) {
		if (i == 0)
			return NULL;
		memmove(&ch->minute[0], &ch->minute[1], (i - 1) * sizeof(ch->minute[0]));
		i--;
	} else {
		memmove(&ch->minute[i + 1], &ch->minute[i], (ch->n_minutes - i) * sizeof(ch->minute[0]));
		ch->n_minutes++;
	}
	ch->minute[i] = (struct vr_minute){.minute = minute};
	return &ch->minute[i];
}

static void count_minute(struct vr_channel *ch, enum vr_action a, struct vr_wall t, uint64_t n)
{
	int64_t minute = vr_bucket_of(t.ms, VR_MINUTE_MS);
	struct vr_minute *last = ch->n_minutes ? &ch->minute[ch->n_minutes - 1] : NULL;
	struct vr_minute *m = last && last->minute == minute ? last : minute_slot(ch, minute);
	ch->gross += n;
	if (m)
		m->count[a] += n;
}

static enum vr_err count_now(struct vr_engine *e, struct vr_channel *ch, enum vr_action a, const struct vr_moment *now,
	const struct vr_moment *at, uint64_t n)
{
	struct vr_series *s;
	bool late;
	enum vr_err err = vr_tally_series(&ch->tally, &e->pool, &e->config.windows, a, &s);
	if (!err)
		err = vr_series_add(s, &e->pool, &e->config.windows, now, at, n, &late);
	count_minute(ch, a, at->t, n);
	return err;
}

enum vr_err vr_channel_settle(struct vr_engine *e, struct vr_channel *ch)
{
	enum vr_err err = VR_OK;
	for (; ch->waits && !err; ch->waits &= ch->waits - 1) {
		unsigned a = (unsigned)__builtin_ctz(ch->waits);
		err = count_now(e, ch, (enum vr_action)a, &ch->at, &ch->at, ch->waiting[a]);
		ch->waiting[a] = 0;
	}
	return err;
}

/* At e->now, which all of a turn are. */
static inline void wait_for_turn(const struct vr_engine *e, struct vr_channel *ch, enum vr_action a, uint64_t n)
{
	if (!ch->waits) {
		ch->turn = e->turn;
		ch->at = e->now;
	}
	ch->waiting[a] += n;
	ch->waits |= 1U << (unsigned)a;
}

static __attribute__((noinline)) enum vr_err count_settled(struct vr_engine *e, struct vr_channel *ch, enum vr_action a, uint64_t n)
{
	enum vr_err err = vr_channel_settle(e, ch);
	if (err)
		return err;
	if (!e->beside)
		return count_now(e, ch, a, &e->now, &e->at, n);
	wait_for_turn(e, ch, a, n);
	return VR_OK;
}

enum vr_err vr_channel_count(struct vr_engine *e, struct vr_channel *ch, enum vr_action a, uint64_t n)
{
	ch->dirty = true;
	if (!e->beside || ch->turn != e->turn || n > VR_COUNT_MAX - ch->waiting[a])
		return count_settled(e, ch, a, n);
	wait_for_turn(e, ch, a, n);
	return VR_OK;
}

void vr_channel_encode(const struct vr_channel *ch, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_byte(b, FORMAT);
	vr_buf_varint(b, ch->number);
	vr_buf_varint(b, ch->gross);
	vr_tally_encode(&ch->tally, w, b);
	vr_buf_varint(b, ch->n_minutes);
	for (unsigned i = 0; i < ch->n_minutes; i++) {
		vr_buf_zigzag(b, ch->minute[i].minute);
		for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
			vr_buf_varint(b, ch->minute[i].count[a]);
	}
}

enum vr_err vr_channel_decode(struct vr_channel *ch, struct vr_pool *pool, const struct vr_windows *w, struct vr_str value)
{
	struct vr_rd r = vr_rd_of(value);
	uint8_t format = vr_rd_byte(&r);
	uint64_t number = vr_rd_varint(&r);
	if (r.failed || format != FORMAT || number > UINT16_MAX)
		return VR_E_CORRUPT;
	ch->number = (uint16_t)number;
	ch->gross = vr_rd_varint(&r);
	enum vr_err err = vr_tally_decode(&ch->tally, pool, w, &r);
	if (err)
		return err;
	uint64_t n = vr_rd_varint(&r);
	if (r.failed || n > VR_CHANNEL_MINUTES)
		return VR_E_CORRUPT;
	for (ch->n_minutes = 0; ch->n_minutes < n; ch->n_minutes++) {
		struct vr_minute *m = &ch->minute[ch->n_minutes];
		m->minute = vr_rd_zigzag(&r);
		for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
			m->count[a] = vr_rd_varint(&r);
	}
	return r.failed || r.p != r.end ? VR_E_CORRUPT : VR_OK;
}

/* Channels come back in any order; their numbers say where they stood. */
static enum vr_err restore_at(struct vr_engine *e, struct vr_str name, struct vr_channel *ch)
{
	while (e->channels.n <= ch->number) {
		struct vr_channel **slot = vr_list_push(&e->channels, &e->pool_mem, sizeof(ch));
		if (!slot)
			return VR_E_NOMEM;
	}
	struct vr_channel **slot = (struct vr_channel **)e->channels.at + ch->number;
	if (*slot)
		return VR_E_CORRUPT;
	enum vr_err err = vr_channel_init(e, ch, name, ch->number);
	for (unsigned i = 0; !err && i < e->config.windows.n; i++)
		err = vr_board_new(&e->pool_mem, e->config.board_size, &ch->board[i]);
	if (!err)
		err = vr_map_put(&e->channel_names, vr_hash64(ch->name), ch->name, ch);
	if (!err)
		*slot = ch;
	return err;
}

enum vr_err vr_channel_restore(struct vr_engine *e, struct vr_str name, struct vr_str value)
{
	if (vr_str_eq(name, VR_STR("_all"))) {
		enum vr_err err = vr_channel_decode(&e->all, &e->pool, &e->config.windows, value);
		e->all.number = VR_CHANNEL_ALL;
		return err;
	}
	struct vr_channel *ch = vr_pool_get(&e->pool, sizeof(*ch));
	if (!ch)
		return VR_E_NOMEM;
	enum vr_err err = vr_channel_decode(ch, &e->pool, &e->config.windows, value);
	if (err)
		return err;
	return ch->number >= VR_CHANNEL_ALL ? VR_E_CORRUPT : restore_at(e, name, ch);
}
