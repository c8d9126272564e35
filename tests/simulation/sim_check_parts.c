/* SPDX-License-Identifier: Apache-2.0 */
/* sim_check_parts.c - partials, sets of duplicates, rule numbers, leaderboards. */
#include "sim_check.h"

/* ------------------------------------------------------------------ partials ---- */

static void advance(struct vr_channel *ch, const struct vr_windows *w, struct vr_wall now)
{
	for (unsigned i = 0; i < ch->tally.n; i++)
		vr_series_advance(vr_tally_at(&ch->tally)[i], w, now);
}

static void compare_partial(struct sim *s, struct sim_server *v, int part, struct vr_channel *ch)
{
	struct sim_check *k = v->check;
	struct vr_engine *e = k->ref[part].engine;
	const struct vr_windows *w = &s->fixed->windows;
	const struct sim_value *hash = sim_own_key(v, v->db, part, "part");
	VR_ASSERT(vr_channel_settle(e, ch) == VR_OK);
	ptrdiff_t at = hash && hash->type == SIM_HASH ? sim_items_find(hash, ch->name) : -1;
	if (at < 0) {
		sim_fail(s, "partition %d: no partial of %.*s", part, (int)ch->name.n, ch->name.p);
		return;
	}
	struct vr_channel stored = {.name = ch->name};
	if (vr_channel_decode(&stored, &k->pool, w, sim_item_b(&hash->items[at])))
		sim_fail(s, "partition %d: the partial of %.*s cannot be read", part, (int)ch->name.n, ch->name.p);
	advance(&stored, w, e->stream);
	advance(ch, w, e->stream);
	vr_buf_clear(&k->a);
	vr_buf_clear(&k->b);
	vr_channel_encode(&stored, w, &k->a);
	vr_channel_encode(ch, w, &k->b);
	if (!s->failed && !vr_str_eq(vr_buf_str(&k->a), vr_buf_str(&k->b)))
		sim_fail(s,
			"partition %d: the partial of %.*s is not that of the fold: gross %llu, %llu; minutes %u, %u; "
			"shares %llu, %llu",
			part, (int)ch->name.n, ch->name.p, (unsigned long long)stored.gross,
			(unsigned long long)ch->gross, stored.n_minutes, ch->n_minutes,
			(unsigned long long)vr_tally_total(&stored.tally, VR_ACTION_SHARE),
			(unsigned long long)vr_tally_total(&ch->tally, VR_ACTION_SHARE));
	vr_tally_done(&stored.tally, &k->pool, w);
	s->totals->hit[SIM_HIT_SAW_PARTIAL]++;
	s->totals->hit[SIM_HIT_SAW_OTHER] += vr_str_eq(ch->name, VR_STR("_other"));
}

static void compare_rules(struct sim *s, struct sim_server *v, int part)
{
	struct sim_check *k = v->check;
	const struct vr_engine *e = k->ref[part].engine;
	const struct vr_since *since = e->since.at;
	struct vr_str stored = VR_STR("");
	if (k->ref[part].rules == 0)
		return;
	vr_buf_clear(&k->a);
	vr_buf_varint(&k->a, e->since.n);
	for (size_t i = 0; i < e->since.n; i++) {
		vr_buf_varint(&k->a, since[i].key);
		vr_buf_varint(&k->a, since[i].no);
	}
	if (!sim_field(sim_own_key(v, v->db, part, "part"), "_rules", &stored) ||
		!vr_str_eq(stored, vr_buf_str(&k->a)))
		sim_fail(s, "partition %d: since when each rule is in force is not what the fold has", part);
}

void sim_check_partials(struct sim *s, struct sim_server *v, int part)
{
	struct vr_engine *e = v->check->ref[part].engine;
	const struct sim_value *hash = sim_own_key(v, v->db, part, "part");
	VR_ASSERT(vr_channel_settle(e, &e->all) == VR_OK);
	size_t fields = e->channels.n + (size_t)(v->check->ref[part].rules > 0) + (size_t)(e->all.tally.n > 0);
	if (s->failed)
		return;
	if ((hash ? hash->n : 0) != fields) {
		sim_fail(s, "partition %d: %zu partials, the fold has %zu", part, hash ? hash->n : 0, fields);
		return;
	}
	if (e->all.dirty)
		compare_partial(s, v, part, &e->all);
	for (size_t i = 0; i < e->channels.n && !s->failed; i++)
		if (vr_engine_channel(e, (uint16_t)i)->dirty)
			compare_partial(s, v, part, vr_engine_channel(e, (uint16_t)i));
	compare_rules(s, v, part);
}

/* ------------------------------------------------------------------ duplicates ---- */

struct dedup {
	struct sim *s;
	struct sim_server *v;
	int part;
};

static void compare_minute(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change)
{
	const struct dedup *d = ctx;
	char name[24];
	int n = snprintf(name, sizeof(name), "%lld", (long long)minute);
	struct vr_str stored = sim_text(sim_slot_key(d->v, d->part, "d:", (struct vr_str){name, (size_t)n}));
	if (change == VR_DEDUP_DELETE)
		return;
	if (!d->s->failed && !vr_str_eq(stored, bytes))
		sim_fail(d->s, "partition %d: the duplicates of minute %s are %zu bytes, not the fold's %zu", d->part,
			name, stored.n, bytes.n);
	d->s->totals->hit[SIM_HIT_SAW_DEDUP]++;
}

void sim_check_dedup(struct sim *s, struct sim_server *v, int part)
{
	struct dedup d = {s, v, part};
	if (!s->failed)
		vr_dedup_changes(v->check->ref[part].engine->dedup, compare_minute, &d);
}

/* ------------------------------------------------------------------ leaderboards ---- */

struct row {
	struct vr_str id;
	double score;
};
struct board {
	struct sim *s;
	struct vr_engine *e;
	struct vr_wall at;
	bool trend;
	struct row row[VR_WINDOWS_MAX][SIM_CONTENTS + 1];
	size_t n[VR_WINDOWS_MAX];
};

static double score_of(const struct board *b, const struct vr_content *c, unsigned window)
{
	if (c->home == VR_HOME_ELSEWHERE || c->records == 0)
		return 0;
	if (b->trend)
		return c->trend > 0 ? c->trend : 0;
	return (double)vr_tally_window(&c->tally, &b->e->config.windows, VR_ACTION_SHARE, window, b->at);
}

static enum vr_err keep_row(void *ctx, unsigned list, struct vr_str id, double score, uint64_t recent)
{
	struct board *b = ctx;
	(void)recent;
	if (list < VR_WINDOWS_MAX && b->n[list] <= SIM_CONTENTS)
		b->row[list][b->n[list]++] = (struct row){id, score};
	return VR_OK;
}

static bool is_above(struct row a, struct row b)
{
	return a.score > b.score || (!(a.score < b.score) && vr_str_cmp(a.id, b.id) > 0);
}

/* How many contents of the fold stand above that row. */
static size_t above(const struct board *b, unsigned window, struct row row)
{
	size_t n = 0;
	for (const struct vr_content *c = b->e->first; c; c = c->next) {
		struct row other = {c->id, score_of(b, c, window)};
		n += other.score > 0 && is_above(other, row);
	}
	return n;
}

static size_t ranked(const struct board *b, unsigned window)
{
	size_t n = 0;
	for (const struct vr_content *c = b->e->first; c; c = c->next)
		n += score_of(b, c, window) > 0;
	return n < b->e->config.board_size ? n : b->e->config.board_size;
}

static void check_list(struct board *b, int part, unsigned window, bool complete)
{
	if (complete && b->n[window] != ranked(b, window))
		sim_fail(b->s, "partition %d: board %u%s has %zu rows, the fold gives %zu", part, window,
			b->trend ? " (trend)" : "", b->n[window], ranked(b, window));
	for (size_t i = 0; i < b->n[window] && !b->s->failed; i++) {
		struct row row = b->row[window][i];
		const struct vr_content *c = vr_engine_find(b->e, row.id, vr_hash64(row.id));
		double score = c ? score_of(b, c, window) : -1;
		if (score > row.score || score < row.score || (complete && above(b, window, row) != i))
			sim_fail(b->s,
				"partition %d: board %u%s, row %zu is %.*s with %.3f, the fold has %.3f and %zu above it",
				part, window, b->trend ? " (trend)" : "", i, (int)row.id.n, row.id.p, row.score, score,
				above(b, window, row));
		b->s->totals->hit[SIM_HIT_SAW_BOARD]++;
	}
}

static void check_board(
	struct board *b, int part, const struct sim_value *top, const char *name, bool complete)
{
	struct vr_str bytes;
	unsigned lists = b->trend ? 1 : b->e->config.windows.n;
	memset(b->n, 0, sizeof(b->n));
	if (!sim_field(top, name, &bytes) || vr_board_read(bytes, keep_row, b)) {
		sim_fail(b->s, "partition %d: board %s cannot be read", part, name);
		return;
	}
	for (unsigned i = 0; i < lists && !b->s->failed; i++)
		check_list(b, part, i, complete);
}

void sim_check_boards(struct sim *s, struct sim_server *v, int part, const struct sim_own *own)
{
	struct board b = {.s = s, .e = v->check->ref[part].engine, .at = {own->view}};
	const struct sim_value *top = sim_own_key(v, v->db, part, "top");
	if (s->failed)
		return;
	check_board(&b, part, top, "_all", own->complete);
	b.trend = true;
	if (!s->failed)
		check_board(&b, part, top, "_trend", false); /* a score of long ago is not looked for */
}
