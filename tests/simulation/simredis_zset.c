/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted sets: an array in the order of score, then member. */
#include <math.h>
#include <stdlib.h>
#include "simredis_exec.h"

enum { ADD_NX = 1, ADD_XX = 2, ADD_GT = 4, ADD_LT = 8, ADD_CH = 16 };

/* Where a member of that score belongs. */
static size_t place_of(const struct sim_value *v, struct vr_str member, double score)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct sim_item *i = &v->items[mid];
		bool before = i->score < score || (i->score == score && vr_str_cmp(sim_item_a(i), member) < 0);
		if (before)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void move_to(struct sim_value *v, size_t at, double score)
{
	struct sim_item item = v->items[at];
	size_t to;

	v->n--;
	memmove(v->items + at, v->items + at + 1, (v->n - at) * sizeof(*v->items));
	to = place_of(v, sim_item_a(&item), score);
	memmove(v->items + to + 1, v->items + to, (v->n - to) * sizeof(*v->items));
	item.score = score;
	v->items[to] = item;
	v->n++;
}

struct adding {
	int flags;
	int64_t added, updated;
};

static void add_one(struct adding *a, struct sim_value *v, struct vr_str member, double score)
{
	ptrdiff_t at = sim_items_find(v, member);
	double old;

	if (at < 0) {
		if (a->flags & ADD_XX)
			return;
		sim_items_insert(v, place_of(v, member, score), member, VR_STR(""), score);
		a->added++;
		return;
	}
	old = v->items[at].score;
	if ((a->flags & ADD_NX) || ((a->flags & ADD_GT) && score <= old) || ((a->flags & ADD_LT) && score >= old))
		return;
	if (score == old)
		return;
	move_to(v, (size_t)at, score);
	a->updated++;
}

static int flag_of(struct vr_str word)
{
	static const struct { const char *word; int flag; } words[] = {
		{"NX", ADD_NX}, {"XX", ADD_XX}, {"GT", ADD_GT}, {"LT", ADD_LT}, {"CH", ADD_CH}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (sim_word_is(word, words[i].word))
			return words[i].flag;
	return 0;
}

static bool flags_agree(struct sim_call *c, int flags)
{
	bool gt = flags & ADD_GT, lt = flags & ADD_LT, nx = flags & ADD_NX;

	if (nx && (flags & ADD_XX))
		sim_error(c, "ERR XX and NX options at the same time are not compatible");
	else if ((gt && nx) || (lt && nx) || (gt && lt))
		sim_error(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
	else
		return true;
	return false;
}

/* Scores from argv[first] on, every other word; NULL and a reply when one is none. */
static double *scores_of(struct sim_call *c, size_t first)
{
	double *scores = sim_get(c->arena, (c->argc - first) / 2 * sizeof(*scores));

	for (size_t i = first; i < c->argc; i += 2) {
		double *score = &scores[(i - first) / 2];
		if (sim_parse_f64(c->argv[i], score)) {
			*score += 0.0;	/* a small set keeps no minus of a zero */
			continue;
		}
		sim_error(c, "ERR value is not a valid float");
		return NULL;
	}
	return scores;
}

static void add_all(struct sim_call *c, struct adding *a, const double *scores, size_t first)
{
	struct sim_value *v;

	if (!sim_lookup(c, SIM_ZSET, &v))
		return;
	if (!v && (a->flags & ADD_XX)) {
		sim_int(c, 0);
		return;
	}
	v = sim_lookup_write(c, SIM_ZSET);
	for (size_t i = first; i < c->argc; i += 2)
		add_one(a, v, c->argv[i + 1], scores[(i - first) / 2]);
	if (a->added || a->updated)
		sim_touch(c, c->argv[1]);
	sim_int(c, a->flags & ADD_CH ? a->added + a->updated : a->added);
}

void sim_zadd(struct sim_call *c)
{
	struct adding a = {0};
	const double *scores;
	size_t first = 2;

	for (int flag; first < c->argc && (flag = flag_of(c->argv[first])); first++)
		a.flags |= flag;
	if (c->argc == first || (c->argc - first) % 2) {
		sim_syntax_error(c);
		return;
	}
	scores = flags_agree(c, a.flags) ? scores_of(c, first) : NULL;
	if (scores)
		add_all(c, &a, scores, first);
}

void sim_zrem(struct sim_call *c)
{
	sim_remove_items(c, SIM_ZSET);
}

void sim_zscore(struct sim_call *c)
{
	struct sim_value *v;
	ptrdiff_t at;

	if (!sim_lookup(c, SIM_ZSET, &v) || !v)
		return;
	at = sim_items_find(v, c->argv[2]);
	if (at >= 0)
		sim_double(c, c->out, v->items[at].score);
}

void sim_zcard(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_ZSET, &v))
		sim_int(c, v ? (int64_t)v->n : 0);
}

/* ------------------------------------------------------------------ ranges ---- */

struct bound { double score; bool open; };

struct ranging {
	bool by_score, reverse, with_scores, limited, words;	/* words: BYSCORE and REV may come as words */
	int64_t offset, count;
	struct bound min, max;
};

/* Options from argv[4] on. */
static bool range_options(struct sim_call *c, struct ranging *r)
{
	for (size_t i = 4; i < c->argc; i++) {
		if (sim_word_is(c->argv[i], "WITHSCORES")) {
			r->with_scores = true;
		} else if (sim_word_is(c->argv[i], "LIMIT") && c->argc - i > 2) {
			if (!sim_arg_i64(c, i + 1, &r->offset) || !sim_arg_i64(c, i + 2, &r->count))
				return false;
			r->limited = true;
			i += 2;
		} else if (r->words && sim_word_is(c->argv[i], "REV")) {
			r->reverse = true;
		} else if (r->words && sim_word_is(c->argv[i], "BYSCORE")) {
			r->by_score = true;
		} else {
			sim_syntax_error(c);
			return false;
		}
	}
	if (!r->limited || r->by_score)
		return true;
	sim_error(c, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
	return false;
}

/* Read with less care than a score: nothing at all is 0. */
static bool parse_bound(struct vr_str s, struct bound *ret)
{
	struct bound b = {.open = s.n > 0 && s.p[0] == '('};
	char text[64], *end;

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p + b.open, s.n - b.open);
	text[s.n - b.open] = '\0';
	b.score = strtod(text, &end);
	if (*end != '\0' || isnan(b.score))
		return false;
	*ret = b;
	return true;
}

static bool inside(const struct ranging *r, double score)
{
	return (r->min.open ? score > r->min.score : score >= r->min.score) &&
		(r->max.open ? score < r->max.score : score <= r->max.score);
}

static void reply_member(struct sim_call *c, const struct ranging *r, const struct sim_item *item,
	struct vr_reply *elem, size_t k)
{
	if (!r->with_scores) {
		sim_str(c, &elem[k], sim_item_a(item));
		return;
	}
	sim_str(c, &elem[2 * k], sim_item_a(item));
	sim_double(c, &elem[2 * k + 1], item->score);
}

/* Items [from, from + n) in either direction; counted from the end when reversed. */
static void reply_span(struct sim_call *c, const struct ranging *r, const struct sim_value *v, size_t from,
	size_t n)
{
	struct vr_reply *elem = sim_array(c, c->out, r->with_scores ? 2 * n : n);

	for (size_t k = 0; k < n; k++)
		reply_member(c, r, &v->items[r->reverse ? v->n - 1 - from - k : from + k], elem, k);
}

static void range_by_index(struct sim_call *c, const struct ranging *r)
{
	struct sim_value *v;
	int64_t start, stop;
	size_t from = 0, n;

	if (!sim_arg_i64(c, 2, &start) || !sim_arg_i64(c, 3, &stop) || !sim_lookup(c, SIM_ZSET, &v))
		return;
	n = sim_range(v ? v->n : 0, start, stop, &from);
	reply_span(c, r, v, from, n);
}

static void range_by_score(struct sim_call *c, struct ranging *r)
{
	struct sim_value *v;
	size_t from = 0, n = 0;

	if (!parse_bound(c->argv[r->reverse ? 3 : 2], &r->min) || !parse_bound(c->argv[r->reverse ? 2 : 3],
		&r->max)) {
		sim_error(c, "ERR min or max is not a float");
		return;
	}
	if (!sim_lookup(c, SIM_ZSET, &v))
		return;
	for (size_t i = 0; v && i < v->n; i++) {
		bool in = inside(r, v->items[r->reverse ? v->n - 1 - i : i].score);
		from += !in && n == 0;
		n += in;
	}
	if (r->limited && (r->offset < 0 || r->offset >= (int64_t)n)) {
		n = 0;
	} else if (r->limited) {
		from += (size_t)r->offset;
		n -= (size_t)r->offset;
		n = r->count >= 0 && r->count < (int64_t)n ? (size_t)r->count : n;
	}
	reply_span(c, r, v, from, n);
}

static void range(struct sim_call *c, struct ranging r)
{
	if (!range_options(c, &r))
		return;
	if (r.by_score)
		range_by_score(c, &r);
	else
		range_by_index(c, &r);
}

void sim_zrange(struct sim_call *c)
{
	range(c, (struct ranging){.words = true});
}

void sim_zrevrange(struct sim_call *c)
{
	range(c, (struct ranging){.reverse = true});
}

void sim_zrangebyscore(struct sim_call *c)
{
	range(c, (struct ranging){.by_score = true});
}

void sim_zrevrangebyscore(struct sim_call *c)
{
	range(c, (struct ranging){.by_score = true, .reverse = true});
}
