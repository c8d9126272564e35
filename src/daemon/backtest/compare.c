/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <stdlib.h>

/* Alerts of one rule and content: [at, at + n) of one side. */
struct run { const struct vr_found *const *at; size_t n; };
struct work { struct vr_comparison *out; struct vr_span far; };

const char *vr_change_name(enum vr_change c)
{
	static const char *const names[] = {
		[VR_CHANGE_NONE] = "unchanged", [VR_CHANGE_ADDED] = "added", [VR_CHANGE_REMOVED] = "removed", [VR_CHANGE_SHIFTED] = "shifted"};
	return names[c];
}

static void say(struct work *w, enum vr_change change, const struct vr_found *before, const struct vr_found *now)
{
	VR_ASSERT(w->out->n < w->out->cap);
	w->out->at[w->out->n++] = (struct vr_difference){change, before, now};
	w->out->of[change]++;
}

static void say_pair(struct work *w, const struct vr_found *before, const struct vr_found *now)
{
	bool same = before->fired.ms == now->fired.ms && before->ends.ms == now->ends.ms;
	say(w, same ? VR_CHANGE_NONE : VR_CHANGE_SHIFTED, before, now);
}

static int64_t distance(const struct vr_found *a, const struct vr_found *b)
{
	int64_t ms = a->fired.ms - b->fired.ms;
	return ms < 0 ? -ms : ms;
}

/* The one behind it is nearer to `other`. */
static bool has_nearer(struct run r, const struct vr_found *other)
{
	return r.n > 1 && distance(r.at[1], other) < distance(r.at[0], other);
}

static struct run behind(struct run r) { return (struct run){r.at + 1, r.n - 1}; }

/* No two of these fire at the same moment. */
static void pair_nearest(struct work *w, struct run before, struct run now)
{
	while (before.n > 0 || now.n > 0) {
		const struct vr_found *b = before.n ? before.at[0] : NULL, *a = now.n ? now.at[0] : NULL;
		bool far = b && a && distance(a, b) > w->far.ms;
		bool first = b && (!a || b->fired.ms < a->fired.ms);
		if (b && (!a || (first && (far || has_nearer(before, a))))) {
			say(w, VR_CHANGE_REMOVED, b, NULL);
			before = behind(before);
		} else if (!b || far || (!first && has_nearer(now, b))) {
			say(w, VR_CHANGE_ADDED, NULL, a);
			now = behind(now);
		} else {
			say_pair(w, b, a);
			before = behind(before);
			now = behind(now);
		}
	}
}

static struct run part(struct run r, size_t from, size_t to) { return (struct run){r.at + from, to - from}; }

/* Those that fire at the same moment hold the others apart. */
static void compare_run(struct work *w, struct run before, struct run now)
{
	size_t i = 0, k = 0, done_i = 0, done_k = 0;
	while (i < before.n && k < now.n) {
		if (before.at[i]->fired.ms != now.at[k]->fired.ms) {
			if (before.at[i]->fired.ms < now.at[k]->fired.ms)
				i++;
			else
				k++;
			continue;
		}
		pair_nearest(w, part(before, done_i, i), part(now, done_k, k));
		say_pair(w, before.at[i++], now.at[k++]);
		done_i = i;
		done_k = k;
	}
	pair_nearest(w, part(before, done_i, before.n), part(now, done_k, now.n));
}

static int by_key(const struct vr_found *a, const struct vr_found *b)
{
	int c = vr_str_cmp(a->name, b->name);
	return c ? c : vr_str_cmp(a->content_id, b->content_id);
}

static int by_key_and_time(const void *a, const void *b)
{
	const struct vr_found *x = *(const struct vr_found *const *)a, *y = *(const struct vr_found *const *)b;
	int c = by_key(x, y);
	return c ? c : vr_found_order(x, y);
}

static const struct vr_found **sorted(const struct vr_found_list *l, struct vr_mem *mem)
{
	const struct vr_found **at = vr_mem_get(mem, (l->n + 1) * sizeof(*at));
	if (!at)
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		at[i] = l->at[i];
	qsort(at, l->n, sizeof(*at), by_key_and_time);
	return at;
}

/* The alerts at the front that have the key of `of`. */
static struct run take_run(struct run *r, const struct vr_found *of)
{
	size_t n = 0;
	while (n < r->n && by_key(r->at[n], of) == 0)
		n++;
	struct run front = {r->at, n};
	*r = (struct run){r->at + n, r->n - n};
	return front;
}

static void compare_all(struct work *w, struct run before, struct run now)
{
	while (before.n > 0 || now.n > 0) {
		bool old = before.n > 0 && (now.n == 0 || by_key(before.at[0], now.at[0]) <= 0);
		const struct vr_found *least = old ? before.at[0] : now.at[0];
		struct run b = take_run(&before, least), a = take_run(&now, least);
		compare_run(w, b, a);
	}
}

enum vr_err vr_compare(const struct vr_found_list *before, const struct vr_found_list *now, struct vr_span far,
	struct vr_mem *mem, struct vr_comparison *ret)
{
	struct vr_comparison c = {.cap = before->n + now->n + 1};
	const struct vr_found **b = sorted(before, mem), **a = sorted(now, mem);
	c.at = vr_mem_get(mem, c.cap * sizeof(*c.at));
	bool fine = b && a && c.at;
	if (fine) {
		struct work w = {&c, far};
		compare_all(&w, (struct run){b, before->n}, (struct run){a, now->n});
		*ret = c;
	}
	vr_mem_put(mem, b, (before->n + 1) * sizeof(*b));
	vr_mem_put(mem, a, (now->n + 1) * sizeof(*a));
	if (!fine)
		vr_comparison_free(&c, mem);
	return fine ? VR_OK : VR_E_NOMEM;
}

void vr_comparison_free(struct vr_comparison *c, struct vr_mem *mem)
{
	vr_mem_put(mem, c->at, c->cap * sizeof(*c->at));
	*c = (struct vr_comparison){0};
}

struct vr_span vr_difference_start(const struct vr_difference *d)
{
	return vr_wall_since(d->now->fired, d->before->fired);
}

bool vr_difference_end(const struct vr_difference *d, struct vr_span *ret)
{
	*ret = vr_wall_since(d->now->ends, d->before->ends);
	return d->now->ends.ms != 0 && d->before->ends.ms != 0;
}

struct vr_wall vr_difference_when(const struct vr_difference *d) { return d->now ? d->now->fired : d->before->fired; }
