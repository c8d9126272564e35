/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - for people: what was read, rules, hours, differences. */
#include "show.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <unistd.h>

#include "virality/term.h"

enum { NAME_WIDTH = 32, ID_WIDTH = 40, TITLE_WIDTH = 40, BAR_WIDTH = 24 };

struct page {
	const struct vr_showing *s;
	struct vr_tallies t;
	struct vr_arena arena;			/* cells of tables */
	struct vr_buf scratch;
	bool ascii;
};

/* ------------------------------------------------ cells ------------------------------- */

static struct vr_str count_cell(struct page *p, uint64_t n) { return vr_ctl_number(&p->arena, (int64_t)n); }

static struct vr_str scratch_cell(struct page *p)
{
	struct vr_str s = {0};
	if (p->scratch.failed || vr_arena_dup(&p->arena, vr_buf_str(&p->scratch), &s))
		s.n = 0;
	return s;
}

static struct vr_str value_cell(struct page *p, double value, double threshold)
{
	vr_buf_clear(&p->scratch);
	vr_value_text(value, &p->scratch);
	vr_buf_c(&p->scratch, " / ");
	vr_value_text(threshold, &p->scratch);
	return scratch_cell(p);
}

/* +0:03:05, -2d 04:00:00.250 */
static struct vr_str span_cell(struct page *p, struct vr_span by)
{
	int64_t ms = by.ms < 0 ? -by.ms : by.ms, s = ms / 1000;
	vr_buf_clear(&p->scratch);
	vr_buf_byte(&p->scratch, by.ms < 0 ? '-' : '+');
	if (s >= 86400) {
		vr_buf_i64(&p->scratch, s / 86400);
		vr_buf_c(&p->scratch, "d ");
	}
	struct vr_str clock = vr_ctl_text(&p->arena, "%d:%02d:%02d", (int)(s % 86400 / 3600), (int)(s / 60 % 60), (int)(s % 60));
	vr_buf_str_add(&p->scratch, clock);
	if (ms % 1000)
		vr_buf_str_add(&p->scratch, vr_ctl_text(&p->arena, ".%03d", (int)(ms % 1000)));
	return scratch_cell(p);
}

static struct vr_str time_cell(struct page *p, struct vr_wall t) { return vr_ctl_time(&p->arena, t.ms); }

/* ------------------------------------------------ what was read ----------------------- */

static void print_head(struct page *p)
{
	const struct vr_showing *s = p->s;
	const struct vr_history_facts *f = s->facts;
	const struct vr_trial_counts *c = &s->now->counts;
	struct vr_str first = time_cell(p, f->first), last = time_cell(p, f->last);
	struct vr_str records = count_cell(p, f->records);
	double seconds = (double)f->took.ms / 1000;
	printf("%s: %.*s records of %zu partition%s, event time %.*s to %.*s, in %.1f s\n", s->topics, (int)records.n, records.p,
		f->partitions, f->partitions == 1 ? "" : "s", (int)first.n, first.p, (int)last.n, last.p, seconds);
	printf("%" PRIu64 " folded, %" PRIu64 " duplicate, %" PRIu64 " refused, %" PRIu64 " without an event; %" PRIu64 " late\n",
		c->fate[VR_FATE_FOLDED], c->fate[VR_FATE_DUPLICATE], c->fate[VR_FATE_REFUSED], c->fate[VR_FATE_PASSED], c->late);
	printf("rules: %s%s%s\n\n", s->new_name, s->old_name ? ", against: " : "", s->old_name ? s->old_name : "");
}

/* ------------------------------------------------ rules ------------------------------- */

static void fill_rule(struct page *p, const struct vr_rule_counts *r, struct vr_ctl_row *row)
{
	size_t at = 0;
	row->cells[at++] = r->name;
	row->cells[at++] = count_cell(p, r->alerts);
	if (p->s->comparison) {
		row->cells[at++] = count_cell(p, r->before);
		row->cells[at++] = count_cell(p, r->change[VR_CHANGE_ADDED]);
		row->cells[at++] = count_cell(p, r->change[VR_CHANGE_REMOVED]);
		row->cells[at++] = count_cell(p, r->change[VR_CHANGE_SHIFTED]);
	}
	row->cells[at++] = count_cell(p, r->contents);
	row->cells[at++] = count_cell(p, r->open);
	row->cells[at++] = count_cell(p, r->most);
	row->cells[at++] = time_cell(p, r->first);
	vr_buf_clear(&p->scratch);
	vr_picture_spark(r->cell, p->t.axis.cells, p->ascii, &p->scratch);
	row->cells[at] = scratch_cell(p);
}

static void print_rules(struct page *p)
{
	static const struct vr_ctl_column alone[] = {{"rule", false, NAME_WIDTH}, {"alerts", true, 0}, {"contents", true, 0},
		{"open", true, 0}, {"most/h", true, 0}, {"first", false, 0}, {"over time", false, 0}};
	static const struct vr_ctl_column both[] = {{"rule", false, NAME_WIDTH}, {"alerts", true, 0}, {"before", true, 0},
		{"added", true, 0}, {"removed", true, 0}, {"shifted", true, 0}, {"contents", true, 0}, {"open", true, 0},
		{"most/h", true, 0}, {"first", false, 0}, {"over time", false, 0}};
	struct vr_ctl_table t;
	bool compares = p->s->comparison != NULL;
	vr_ctl_table_init(&t, compares ? both : alone, compares ? sizeof(both) / sizeof(both[0]) : sizeof(alone) / sizeof(alone[0]), &p->arena);
	for (size_t i = 0; i < p->t.n_rules; i++) {
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		if (row)
			fill_rule(p, &p->t.rule[i], row);
	}
	vr_ctl_table_print(&t, stdout);
	struct vr_str from = time_cell(p, (struct vr_wall){p->t.axis.first * VR_HOUR_IN_MS});
	if (p->t.n_hours > 0)
		printf("over time: from %.*s, %" PRId64 " h to a cell\n", (int)from.n, from.p, p->t.axis.hours);
}

/* ------------------------------------------------ hours ------------------------------- */

static uint64_t larger(const struct vr_hour_counts *h) { return h->alerts > h->before ? h->alerts : h->before; }

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x < y) - (x > y);
}

/* The `limit` busiest hours: those with more than `least` alerts, and the first `ties` that have just as many. */
struct busiest { uint64_t least; size_t ties; };

static struct busiest find_busiest(struct page *p)
{
	size_t n = p->t.n_hours, limit = p->s->limit, more = 0;
	uint64_t *at = limit && n > limit ? vr_arena_alloc(&p->arena, n * sizeof(*at)) : NULL;
	if (!at)
		return (struct busiest){0, 0};
	for (size_t i = 0; i < n; i++)
		at[i] = larger(&p->t.hour[i]);
	qsort(at, n, sizeof(*at), descending);
	while (at[more] > at[limit - 1])
		more++;
	return (struct busiest){at[limit - 1], limit - more};
}

static bool is_among(struct busiest *b, const struct vr_hour_counts *h)
{
	if (larger(h) != b->least)
		return larger(h) > b->least;
	return b->ties > 0 && b->ties-- > 0;
}

static void fill_hour(struct page *p, const struct vr_hour_counts *h, uint64_t most, struct vr_ctl_row *row)
{
	size_t at = 0;
	row->cells[at++] = time_cell(p, (struct vr_wall){h->hour * VR_HOUR_IN_MS});
	row->cells[at++] = p->t.rule[h->rule].name;
	row->cells[at++] = count_cell(p, h->alerts);
	if (p->s->comparison)
		row->cells[at++] = count_cell(p, h->before);
	vr_buf_clear(&p->scratch);
	vr_picture_bar(h->alerts, most, BAR_WIDTH, &p->scratch);
	row->cells[at] = scratch_cell(p);
}

static void print_hours(struct page *p)
{
	static const struct vr_ctl_column alone[] = {{"hour", false, 0}, {"rule", false, NAME_WIDTH}, {"alerts", true, 0}, {"", false, 0}};
	static const struct vr_ctl_column both[] = {{"hour", false, 0}, {"rule", false, NAME_WIDTH}, {"alerts", true, 0},
		{"before", true, 0}, {"", false, 0}};
	struct vr_ctl_table t;
	struct busiest among = find_busiest(p);
	uint64_t most = 0;
	size_t shown = 0;
	vr_ctl_table_init(&t, p->s->comparison ? both : alone, p->s->comparison ? 5 : 4, &p->arena);
	for (size_t i = 0; i < p->t.n_hours; i++)
		most = larger(&p->t.hour[i]) > most ? larger(&p->t.hour[i]) : most;
	for (size_t i = 0; i < p->t.n_hours; i++) {
		struct vr_ctl_row *row = is_among(&among, &p->t.hour[i]) ? vr_ctl_table_row(&t) : NULL;
		shown += row != NULL;
		if (row)
			fill_hour(p, &p->t.hour[i], most, row);
	}
	printf("\nalerts per rule and hour");
	if (shown < p->t.n_hours)
		printf(" (the busiest %zu of %zu; --limit 0 for all)", shown, p->t.n_hours);
	fputs("\n", stdout);
	if (shown > 0)
		vr_ctl_table_print(&t, stdout);
}

/* ------------------------------------------------ alerts ------------------------------ */

static void fill_alert(struct page *p, const struct vr_found *f, struct vr_ctl_row *row)
{
	size_t at = 0;
	row->cells[at++] = time_cell(p, f->fired);
	row->cells[at++] = f->ends.ms ? time_cell(p, f->ends) : VR_STR("fires");
	row->cells[at++] = f->name;
	row->cells[at++] = f->content_id;
	row->cells[at++] = f->title;
	row->cells[at++] = value_cell(p, f->value, f->threshold);
	row->cells[at] = (struct vr_str){f->id, VR_ALERT_ID_LEN};
}

static void fill_shift(struct page *p, const struct vr_difference *d, struct vr_ctl_row *row)
{
	struct vr_span end;
	size_t at = 0;
	row->cells[at++] = time_cell(p, d->now->fired);
	row->cells[at++] = span_cell(p, vr_difference_start(d));
	row->cells[at++] = vr_difference_end(d, &end) ? span_cell(p, end) : VR_STR("-");
	row->cells[at++] = d->now->name;
	row->cells[at++] = d->now->content_id;
	row->cells[at++] = d->now->title;
	row->cells[at] = (struct vr_str){d->now->id, VR_ALERT_ID_LEN};
}

static int by_time(const void *a, const void *b)
{
	const struct vr_difference *x = *(const struct vr_difference *const *)a, *y = *(const struct vr_difference *const *)b;
	return vr_found_order(x->now ? x->now : x->before, y->now ? y->now : y->before);
}

static int64_t size_of(const struct vr_difference *d)
{
	struct vr_span end;
	int64_t start = llabs(vr_difference_start(d).ms);
	int64_t ms = vr_difference_end(d, &end) ? llabs(end.ms) : 0;
	return ms > start ? ms : start;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = size_of(*(const struct vr_difference *const *)a), y = size_of(*(const struct vr_difference *const *)b);
	return x == y ? by_time(a, b) : x > y ? -1 : 1;
}

static void print_title(const struct page *p, enum vr_change change, size_t n)
{
	bool all = !p->s->limit || n <= p->s->limit;
	printf("\n%s: %zu", vr_change_name(change), n);
	if (!all)
		printf(" (the %s %zu; --limit 0 for all)", change == VR_CHANGE_SHIFTED ? "farthest" : "first", p->s->limit);
	fputs("\n", stdout);
}

static void print_differences(struct page *p, enum vr_change change)
{
	static const struct vr_ctl_column alerts[] = {{"fires", false, 0}, {"ends", false, 0}, {"rule", false, NAME_WIDTH},
		{"content", false, ID_WIDTH}, {"title", false, TITLE_WIDTH}, {"value / threshold", true, 0}, {"id", false, 0}};
	static const struct vr_ctl_column shifts[] = {{"fires", false, 0}, {"start by", true, 0}, {"end by", true, 0},
		{"rule", false, NAME_WIDTH}, {"content", false, ID_WIDTH}, {"title", false, TITLE_WIDTH}, {"id", false, 0}};
	const struct vr_comparison *c = p->s->comparison;
	size_t n = c->of[change], at = 0;
	const struct vr_difference **list = vr_arena_alloc(&p->arena, (n + 1) * sizeof(*list));
	struct vr_ctl_table t;
	print_title(p, change, n);
	if (!list || n == 0)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].change == change)
			list[at++] = &c->at[i];
	qsort(list, n, sizeof(*list), change == VR_CHANGE_SHIFTED ? by_size : by_time);
	vr_ctl_table_init(&t, change == VR_CHANGE_SHIFTED ? shifts : alerts, sizeof(alerts) / sizeof(alerts[0]), &p->arena);
	for (size_t i = 0; i < n && (!p->s->limit || i < p->s->limit); i++) {
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		if (row && change == VR_CHANGE_SHIFTED)
			fill_shift(p, list[i], row);
		else if (row)
			fill_alert(p, list[i]->now ? list[i]->now : list[i]->before, row);
	}
	vr_ctl_table_print(&t, stdout);
}

static void print_alerts(struct page *p)
{
	static const struct vr_ctl_column columns[] = {{"fires", false, 0}, {"ends", false, 0}, {"rule", false, NAME_WIDTH},
		{"content", false, ID_WIDTH}, {"title", false, TITLE_WIDTH}, {"value / threshold", true, 0}, {"id", false, 0}};
	const struct vr_found_list *l = &p->s->now->found;
	size_t n = p->s->limit && l->n > p->s->limit ? p->s->limit : l->n;
	struct vr_ctl_table t;
	printf("\nalerts: %zu", l->n);
	if (n < l->n)
		printf(" (the first %zu; --limit 0 for all)", n);
	fputs("\n", stdout);
	if (n == 0)
		return;
	vr_ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]), &p->arena);
	for (size_t i = 0; i < n; i++) {
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		if (row)
			fill_alert(p, l->at[i], row);
	}
	vr_ctl_table_print(&t, stdout);
}

/* ------------------------------------------------ the page ---------------------------- */

static void print_page(struct page *p)
{
	const struct vr_trial *now = p->s->now;
	print_head(p);
	print_rules(p);
	print_hours(p);
	if (p->s->comparison) {
		print_differences(p, VR_CHANGE_ADDED);
		print_differences(p, VR_CHANGE_REMOVED);
		print_differences(p, VR_CHANGE_SHIFTED);
		printf("\nunchanged: %zu\n", p->s->comparison->of[VR_CHANGE_NONE]);
	} else {
		print_alerts(p);
	}
	printf("\nmost in memory: %" PRIu64 " contents in %zu MiB for each set of rules\n", now->contents, now->bytes >> 20);
}

enum vr_err vr_show_text(const struct vr_showing *s)
{
	struct page p = {.s = s};
	p.ascii = isatty(STDOUT_FILENO) != 1 || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	enum vr_err err = vr_tallies_make(&p.t, s->now->rules, s->before ? s->before->rules : NULL, &s->now->found,
		s->before ? &s->before->found : NULL, s->comparison, s->mem);
	vr_arena_init(&p.arena, s->mem, 0);
	vr_buf_init(&p.scratch, s->mem);
	if (!err)
		print_page(&p);
	vr_buf_done(&p.scratch);
	vr_arena_done(&p.arena);
	vr_tallies_done(&p.t);
	return err;
}
