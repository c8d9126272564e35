/* SPDX-License-Identifier: Apache-2.0 */
/* boards.c - who of the partition stands on which leaderboard, and how a board is stored.
 *
 * Stored (one string per channel, "_all" and "_trend"): format byte, view time, number of lists (one per
 * window; one for the trend), each list its length and rows of id, score, shares in the shortest window.   */
#include "engine_parts.h"

enum { FORMAT = 1 };

/* One board as its source sees it: which window, which channel, at which time. */
struct board_view {
	const struct vr_engine *e;
	const struct vr_channel *channel;	/* NULL: overall */
	unsigned window;
	struct vr_wall at;
};

/* ------------------------------------------------ overall: members are contents ---------- */

static double shares_of(const void *ctx, const void *member)
{
	const struct board_view *v = ctx;
	const struct vr_content *c = member;
	if (c->home == VR_HOME_ELSEWHERE)
		return 0;
	return (double)vr_tally_window(&c->tally, &v->e->config.windows, VR_ACTION_SHARE, v->window, v->at);
}

/* Always positive, for a board knows no score of 0 or less: contents without a share have none. */
static double trend_of(const void *ctx, const void *member)
{
	(void)ctx;
	const struct vr_content *c = member;
	return c->trend > 0 && c->home != VR_HOME_ELSEWHERE ? c->trend : 0;
}

static struct vr_str content_id(const void *ctx, const void *member)
{
	(void)ctx;
	return ((const struct vr_content *)member)->id;
}

static void *next_content(const void *ctx, void *member)
{
	const struct board_view *v = ctx;
	return member ? ((struct vr_content *)member)->next : v->e->first;
}

static bool content_in(const void *ctx, const void *member)
{
	return ((const struct vr_content *)member)->on_boards >> ((const struct board_view *)ctx)->window & 1;
}

static void set_content_in(const void *ctx, void *member, bool in)
{
	struct vr_content *c = member;
	unsigned bit = 1U << ((const struct board_view *)ctx)->window;
	c->on_boards = (uint16_t)(in ? c->on_boards | bit : c->on_boards & ~bit);
}

/* ------------------------------------------------ a channel: members are chans ----------- */

static double chan_shares(const void *ctx, const void *member)
{
	const struct board_view *v = ctx;
	const struct vr_chan *ch = member;
	if (!ch->share || ch->content->home == VR_HOME_ELSEWHERE)
		return 0;
	return (double)vr_ring_value_at(&ch->share->ring[v->window], v->e->config.windows.width_ms[v->window], v->at.ms);
}

static struct vr_str chan_id(const void *ctx, const void *member)
{
	(void)ctx;
	return ((const struct vr_chan *)member)->content->id;
}

static void *next_chan(const void *ctx, void *member)
{
	const struct board_view *v = ctx;
	return member ? ((struct vr_chan *)member)->next : v->channel->chans;
}

static bool chan_in(const void *ctx, const void *member)
{
	return ((const struct vr_chan *)member)->on_board[((const struct board_view *)ctx)->window];
}

static void set_chan_in(const void *ctx, void *member, bool in)
{
	((struct vr_chan *)member)->on_board[((const struct board_view *)ctx)->window] = in;
}

static struct vr_board_source source_of(const struct board_view *v)
{
	if (v->channel)
		return (struct vr_board_source){chan_shares, chan_id, next_chan, chan_in, set_chan_in, v};
	return (struct vr_board_source){v->window == VR_TREND_BOARD ? trend_of : shares_of, content_id, next_content,
		content_in, set_content_in, v};
}

static struct vr_board *board_of(struct vr_engine *e, const struct board_view *v)
{
	if (v->channel)
		return v->channel->board[v->window];
	return v->window == VR_TREND_BOARD ? e->trend : e->board[v->window];
}

/* ------------------------------------------------ rising and going ---------------------- */

static void raise(struct vr_engine *e, const struct board_view *v, void *member)
{
	struct vr_board_source src = source_of(v);
	if (src.is_in(v, member))
		return;
	double score = src.score(v, member);
	if (score > 0)
		vr_board_raise(board_of(e, v), &src, member, score);
}

void vr_boards_raise(struct vr_engine *e, struct vr_content *c, struct vr_chan *ch)
{
	if (c->home == VR_HOME_ELSEWHERE)
		return;
	struct board_view v = {.e = e, .channel = ch ? vr_engine_channel(e, ch->channel) : NULL, .at = e->stream};
	for (v.window = 0; v.window < e->config.windows.n; v.window++)
		raise(e, &v, ch ? (void *)ch : (void *)c);
	if (ch)
		return;
	v.window = VR_TREND_BOARD;
	raise(e, &v, c);
}

static void drop(struct vr_engine *e, const struct board_view *v, void *member)
{
	struct vr_board_source src = source_of(v);
	if (src.is_in(v, member))
		vr_board_drop(board_of(e, v), &src, member);
}

void vr_boards_drop(struct vr_engine *e, struct vr_content *c)
{
	struct board_view v = {.e = e, .at = e->stream};
	for (v.window = 0; v.window < e->config.windows.n; v.window++)
		drop(e, &v, c);
	v.window = VR_TREND_BOARD;
	drop(e, &v, c);
	for (unsigned i = 0; i < c->n_chan; i++) {
		v.channel = vr_engine_channel(e, c->chan[i]->channel);
		for (v.window = 0; v.window < e->config.windows.n; v.window++)
			drop(e, &v, c->chan[i]);
	}
}

/* ------------------------------------------------ the stored form ----------------------- */

static uint64_t recent_shares(const struct board_view *v, const void *member)
{
	struct board_view shortest = *v;
	shortest.window = 0;
	return (uint64_t)(v->channel ? chan_shares : shares_of)(&shortest, member);
}

static void put_list(struct vr_engine *e, const struct board_view *v, size_t members, struct vr_buf *b)
{
	struct vr_board_source src = source_of(v);
	const struct vr_board_row *row;
	size_t n = vr_board_best(board_of(e, v), &src, members, &row);
	vr_buf_varint(b, n);
	for (size_t i = 0; i < n; i++) {
		vr_buf_lstr(b, src.id(v, row[i].member));
		vr_buf_f64(b, row[i].score);
		vr_buf_varint(b, recent_shares(v, row[i].member));
	}
}

static void put_head(struct vr_buf *b, struct vr_wall at, unsigned lists)
{
	vr_buf_byte(b, FORMAT);
	vr_buf_zigzag(b, at.ms);
	vr_buf_varint(b, lists);
}

static void write_windows(struct vr_engine *e, struct vr_channel *ch, struct vr_wall at, const struct vr_store *store)
{
	struct board_view v = {.e = e, .channel = ch, .at = at};
	put_head(vr_engine_buf(e, &e->scratch), at, e->config.windows.n);
	for (v.window = 0; v.window < e->config.windows.n; v.window++)
		put_list(e, &v, ch ? ch->n_chans : e->n_contents, &e->scratch);
	store->set(store->ctx, VR_SLOT_BOARD, ch ? ch->name : VR_STR("_all"), vr_buf_str(&e->scratch));
}

enum vr_err vr_boards_write(struct vr_engine *e, struct vr_wall view, const struct vr_store *store)
{
	write_windows(e, NULL, view, store);
	for (size_t i = 0; i < e->channels.n; i++) {
		struct vr_channel *ch = vr_engine_channel(e, (uint16_t)i);
		if (vr_tally_find(&ch->tally, VR_ACTION_SHARE))
			write_windows(e, ch, view, store);
	}
	struct board_view v = {.e = e, .window = VR_TREND_BOARD, .at = view};
	put_head(vr_engine_buf(e, &e->scratch), view, 1);
	put_list(e, &v, e->n_contents, &e->scratch);
	store->set(store->ctx, VR_SLOT_BOARD, VR_STR("_trend"), vr_buf_str(&e->scratch));
	return e->scratch.failed ? VR_E_NOMEM : VR_OK;
}

enum vr_err vr_board_read(struct vr_str board, vr_board_row_f *row, void *ctx)
{
	struct vr_rd r = vr_rd_of(board);
	if (vr_rd_byte(&r) != FORMAT)
		return VR_E_CORRUPT;
	(void)vr_rd_zigzag(&r);
	uint64_t lists = vr_rd_varint(&r);
	for (unsigned i = 0; i < lists && !r.failed; i++) {
		uint64_t n = vr_rd_varint(&r);
		for (uint64_t k = 0; k < n && !r.failed; k++) {
			struct vr_str id = vr_rd_lstr(&r);
			double score = vr_rd_f64(&r);
			uint64_t recent = vr_rd_varint(&r);
			enum vr_err err = r.failed ? VR_E_CORRUPT : row(ctx, i, id, score, recent);
			if (err)
				return err;
		}
	}
	return r.failed ? VR_E_CORRUPT : VR_OK;
}

struct ids { void (*each)(void *ctx, struct vr_str id); void *ctx; };

static enum vr_err id_of_row(void *ctx, unsigned list, struct vr_str id, double score, uint64_t recent)
{
	struct ids *i = ctx;
	(void)list;
	(void)score;
	(void)recent;
	i->each(i->ctx, id);
	return VR_OK;
}

enum vr_err vr_board_ids(struct vr_str board, void (*each)(void *ctx, struct vr_str id), void *ctx)
{
	struct ids i = {each, ctx};
	return vr_board_read(board, id_of_row, &i);
}
