/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

enum { KEEP = 4, ROOM = 16, CAP_FIRST = 16, N_MAX = 65536, LEVEL_ID_MAX = 256 };

/* The level is a place in the order: members at it or before it are candidates. At score 0 it is below
 * everybody, and all members with a score are. An id over 256 bytes is cut, which only lowers the level. */
struct level { double score; size_t n; char id[LEVEL_ID_MAX]; };

struct vr_board {
	struct vr_mem *mem;		/* keeps */
	struct vr_board_row *row;	/* candidates, in no order; scores as last looked at */
	uint32_t count, cap;
	uint32_t n;			/* rows wanted */
	bool is_short;			/* somebody was left out for want of memory */
	struct level level;
};

enum vr_err vr_board_new(struct vr_mem *mem, uint32_t n, struct vr_board **ret)
{
	struct vr_board *b;

	VR_ASSERT(n > 0 && n <= N_MAX);
	b = vr_mem_get(mem, sizeof(*b));
	if (!b)
		return VR_E_NOMEM;
	*b = (struct vr_board){.mem = mem, .n = n};
	*ret = b;
	return VR_OK;
}

void vr_board_free(struct vr_board *b)
{
	if (!b)
		return;
	vr_mem_put(b->mem, b->row, b->cap * sizeof(*b->row));
	vr_mem_put(b->mem, b, sizeof(*b));
}

/* ---- order ---- */

static struct vr_str id_of(const struct vr_board_source *src, const void *member)
{
	return src->id(src->ctx, member);
}

static double score_of(const struct vr_board_source *src, const void *member)
{
	return src->score(src->ctx, member);
}

/* a stands above b. */
static bool is_above(const struct vr_board_source *src, const struct vr_board_row *a,
	const struct vr_board_row *b)
{
	if (a->score > b->score || a->score < b->score)
		return a->score > b->score;
	return vr_str_cmp(id_of(src, a->member), id_of(src, b->member)) > 0;
}

static bool reaches(const struct vr_board *b, const struct vr_board_source *src, const void *member,
	double score)
{
	const struct level *l = &b->level;

	if (!(score > 0) || score < l->score)
		return false;
	return score > l->score || vr_str_cmp(id_of(src, member), (struct vr_str){l->id, l->n}) >= 0;
}

static void set_level(struct vr_board *b, const struct vr_board_source *src, const struct vr_board_row *row)
{
	struct vr_str id = id_of(src, row->member);

	b->level.score = row->score;
	b->level.n = id.n < LEVEL_ID_MAX ? id.n : LEVEL_ID_MAX;
	if (b->level.n > 0)
		memcpy(b->level.id, id.p, b->level.n);
}

/* ---- the k best, by a heap whose root is the lowest of them ---- */

static void swap(struct vr_board_row *a, struct vr_board_row *b)
{
	struct vr_board_row was = *a;

	*a = *b;
	*b = was;
}

static void sink(struct vr_board_row *row, uint32_t i, uint32_t n, const struct vr_board_source *src)
{
	for (uint32_t c = 2 * i + 1; c < n; c = 2 * i + 1) {
		if (c + 1 < n && is_above(src, &row[c], &row[c + 1]))
			c++;
		if (!is_above(src, &row[i], &row[c]))
			return;
		swap(&row[i], &row[c]);
		i = c;
	}
}

/* Brings the k best of n rows to the front; row[0] is the lowest of these. k <= n. */
static void select_best(struct vr_board_row *row, uint32_t k, uint32_t n, const struct vr_board_source *src)
{
	for (uint32_t i = k / 2; i-- > 0;)
		sink(row, i, k, src);
	for (uint32_t i = k; i < n && k > 0; i++) {
		if (!is_above(src, &row[i], &row[0]))
			continue;
		swap(&row[i], &row[0]);
		sink(row, 0, k, src);
	}
}

/* Sorts what select_best brought to the front, the best first. */
static void sort_best(struct vr_board_row *row, uint32_t k, const struct vr_board_source *src)
{
	for (; k > 1; k--) {
		swap(&row[0], &row[k - 1]);
		sink(row, 0, k - 1, src);
	}
}

/* ---- candidates ---- */

static void take_out(struct vr_board *b, const struct vr_board_source *src, uint32_t i)
{
	src->set_in(src->ctx, b->row[i].member, false);
	b->row[i] = b->row[--b->count];
}

/* Looks at every candidate anew; those that have fallen below the level leave. */
static void refresh(struct vr_board *b, const struct vr_board_source *src)
{
	for (uint32_t i = 0; i < b->count;) {
		b->row[i].score = score_of(src, b->row[i].member);
		if (reaches(b, src, b->row[i].member, b->row[i].score))
			i++;
		else
			take_out(b, src, i);
	}
}

/* Keeps the 4n best and makes the last of them the level. */
static void lift(struct vr_board *b, const struct vr_board_source *src)
{
	uint32_t keep = b->n * KEEP;

	if (b->count <= keep)
		return;
	select_best(b->row, keep, b->count, src);
	set_level(b, src, &b->row[0]);
	while (b->count > keep)
		take_out(b, src, b->count - 1);
}

static bool is_full(const struct vr_board *b)
{
	return b->count == b->n * ROOM;
}

static bool reserve(struct vr_board *b)
{
	uint32_t cap = b->cap ? b->cap * 2 : CAP_FIRST;
	struct vr_board_row *row;

	if (b->count < b->cap)
		return true;
	if (cap > b->n * ROOM)
		cap = b->n * ROOM;
	row = vr_mem_resize(b->mem, b->row, b->cap * sizeof(*row), cap * sizeof(*row));
	if (!row)
		return false;
	b->row = row;
	b->cap = cap;
	return true;
}

static void join(struct vr_board *b, const struct vr_board_source *src, void *member, double score)
{
	if (!reserve(b)) {
		b->is_short = true;
		return;
	}
	b->row[b->count++] = (struct vr_board_row){member, score};
	src->set_in(src->ctx, member, true);
}

void vr_board_raise(struct vr_board *b, const struct vr_board_source *src, void *member, double score)
{
	if (!reaches(b, src, member, score) || src->is_in(src->ctx, member))
		return;
	if (is_full(b)) {
		refresh(b, src);
		lift(b, src);
		if (!reaches(b, src, member, score))
			return;
	}
	join(b, src, member, score);
}

void vr_board_drop(struct vr_board *b, const struct vr_board_source *src, void *member)
{
	if (!src->is_in(src->ctx, member))
		return;
	for (uint32_t i = 0; i < b->count; i++) {
		if (b->row[i].member == member) {
			take_out(b, src, i);
			return;
		}
	}
}

/* Sets the level anew from all members. */
static void scan(struct vr_board *b, const struct vr_board_source *src)
{
	while (b->count > 0)
		take_out(b, src, b->count - 1);
	b->level.score = 0;
	b->level.n = 0;
	b->is_short = false;
	for (void *m = src->next(src->ctx, NULL); m; m = src->next(src->ctx, m)) {
		double score = score_of(src, m);
		if (!reaches(b, src, m, score))
			continue;
		join(b, src, m, score);
		if (is_full(b))
			lift(b, src);
	}
	lift(b, src);
}

/* Fewer are left than are wanted, and some who are not listed may have a score. */
static bool needs_scan(const struct vr_board *b, size_t members)
{
	return b->is_short || (b->count < b->n && b->level.score > 0 && b->count < members);
}

size_t vr_board_best(struct vr_board *b, const struct vr_board_source *src, size_t members,
	const struct vr_board_row **ret_rows)
{
	uint32_t n;

	refresh(b, src);
	if (needs_scan(b, members))
		scan(b, src);
	n = b->count < b->n ? b->count : b->n;
	select_best(b->row, n, b->count, src);
	sort_best(b->row, n, src);
	*ret_rows = b->row;
	return n;
}

static bool is_listed_once(const struct vr_board *b, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (b->row[j].member == b->row[i].member)
			return false;
	return true;
}

bool vr_board_check(const struct vr_board *b, const struct vr_board_source *src)
{
	size_t marked = 0;

	for (uint32_t i = 0; i < b->count; i++)
		if (!src->is_in(src->ctx, b->row[i].member) || !is_listed_once(b, i))
			return false;
	for (void *m = src->next(src->ctx, NULL); m; m = src->next(src->ctx, m)) {
		bool is_in = src->is_in(src->ctx, m);
		marked += is_in;
		if (!is_in && !b->is_short && reaches(b, src, m, score_of(src, m)))
			return false;
	}
	return marked == b->count && b->count <= b->cap;
}
