/* SPDX-License-Identifier: Apache-2.0 */
#include "counts.h"

#include <stdlib.h>

/* ------------------------------------------------ rules ------------------------------- */

static struct vr_rule_counts *find(const struct vr_tallies *t, struct vr_str name)
{
	for (size_t i = 0; i < t->n_rules; i++)
		if (vr_str_eq(t->rule[i].name, name))
			return &t->rule[i];
	return NULL;
}

static void add_rules(struct vr_tallies *t, const struct vr_rules *rules)
{
	for (size_t i = 0; rules && i < vr_rules_count(rules); i++) {
		struct vr_str name = vr_rule_name(vr_rules_at(rules, i));
		if (!find(t, name))
			t->rule[t->n_rules++] = (struct vr_rule_counts){.name = name};
	}
}

static void count_rules(struct vr_tallies *t, const struct vr_found_list *now, const struct vr_found_list *before)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct vr_found *f = now->at[i];
		struct vr_rule_counts *r = find(t, f->name);
		r->alerts++;
		r->open += f->ends.ms == 0;
		r->cell[vr_picture_cell(&t->axis, f->fired)]++;
		r->first = r->first.ms ? vr_wall_min(r->first, f->fired) : f->fired;
		r->last = vr_wall_max(r->last, f->fired);
	}
	for (size_t i = 0; before && i < before->n; i++)
		find(t, before->at[i]->name)->before++;
}

static void count_changes(struct vr_tallies *t, const struct vr_comparison *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		find(t, (c->at[i].now ? c->at[i].now : c->at[i].before)->name)->change[c->at[i].change]++;
}

/* ------------------------------------------------ different contents ------------------ */

static int by_key(const void *a, const void *b)
{
	const struct vr_found *x = *(const struct vr_found *const *)a, *y = *(const struct vr_found *const *)b;
	int c = vr_str_cmp(x->name, y->name);
	return c ? c : vr_str_cmp(x->content_id, y->content_id);
}

static enum vr_err count_contents(struct vr_tallies *t, const struct vr_found_list *l)
{
	const struct vr_found **at = vr_mem_get(t->mem, (l->n + 1) * sizeof(*at));
	if (!at)
		return VR_E_NOMEM;
	for (size_t i = 0; i < l->n; i++)
		at[i] = l->at[i];
	qsort(at, l->n, sizeof(*at), by_key);
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || by_key(&at[i - 1], &at[i]) != 0)
			find(t, at[i]->name)->contents++;
	vr_mem_put(t->mem, at, (l->n + 1) * sizeof(*at));
	return VR_OK;
}

/* ------------------------------------------------ hours ------------------------------- */

static void add_hours(struct vr_tallies *t, const struct vr_found_list *l, bool is_now)
{
	for (size_t i = 0; l && i < l->n; i++)
		t->hour[t->n_hours++] = (struct vr_hour_counts){vr_picture_hour(l->at[i]->fired),
			(size_t)(find(t, l->at[i]->name) - t->rule), is_now, !is_now};
}

static int by_hour(const void *a, const void *b)
{
	const struct vr_hour_counts *x = a, *y = b;
	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static void merge_hours(struct vr_tallies *t)
{
	size_t n = 0;
	qsort(t->hour, t->n_hours, sizeof(t->hour[0]), by_hour);
	for (size_t i = 0; i < t->n_hours; i++) {
		if (n > 0 && by_hour(&t->hour[n - 1], &t->hour[i]) == 0) {
			t->hour[n - 1].alerts += t->hour[i].alerts;
			t->hour[n - 1].before += t->hour[i].before;
		} else {
			t->hour[n++] = t->hour[i];
		}
	}
	t->n_hours = n;
	for (size_t i = 0; i < n; i++) {
		struct vr_rule_counts *r = &t->rule[t->hour[i].rule];
		r->most = t->hour[i].alerts > r->most ? t->hour[i].alerts : r->most;
	}
}

/* ------------------------------------------------ all of it --------------------------- */

static struct vr_axis axis_of(const struct vr_found_list *now, const struct vr_found_list *before)
{
	const struct vr_found_list *l[2] = {now, before};
	struct vr_wall from = {0}, to = {0};
	for (size_t i = 0; i < 2; i++) {
		if (!l[i] || l[i]->n == 0)
			continue;
		from = from.ms ? vr_wall_min(from, l[i]->at[0]->fired) : l[i]->at[0]->fired;
		to = vr_wall_max(to, l[i]->at[l[i]->n - 1]->fired);
	}
	return vr_picture_axis(from, to);
}

enum vr_err vr_tallies_make(struct vr_tallies *t, const struct vr_rules *rules, const struct vr_rules *rules_before,
	const struct vr_found_list *now, const struct vr_found_list *before, const struct vr_comparison *c, struct vr_mem *mem)
{
	*t = (struct vr_tallies){.mem = mem, .axis = axis_of(now, before)};
	t->rules_cap = vr_rules_count(rules) + (rules_before ? vr_rules_count(rules_before) : 0) + 1;
	t->hours_cap = now->n + (before ? before->n : 0) + 1;
	t->rule = vr_mem_get(mem, t->rules_cap * sizeof(t->rule[0]));
	t->hour = vr_mem_get(mem, t->hours_cap * sizeof(t->hour[0]));
	if (!t->rule || !t->hour)
		return VR_E_NOMEM;
	add_rules(t, rules);
	add_rules(t, rules_before);
	count_rules(t, now, before);
	count_changes(t, c);
	add_hours(t, now, true);
	add_hours(t, before, false);
	merge_hours(t);
	return count_contents(t, now);
}

void vr_tallies_done(struct vr_tallies *t)
{
	vr_mem_put(t->mem, t->rule, t->rules_cap * sizeof(t->rule[0]));
	vr_mem_put(t->mem, t->hour, t->hours_cap * sizeof(t->hour[0]));
}
