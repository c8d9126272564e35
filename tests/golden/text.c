/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

#include "virality/merge.h"

static bool is_zero_count(struct vr_str name, struct vr_str value)
{
	if (vr_str_eq(name, VR_STR("share_velocity")))
		return vr_str_eq(value, VR_STR("0.000000"));
	return vr_str_eq(value, VR_STR("0")) && !vr_str_eq(name, VR_STR("max_depth"));
}

static void print_str(const char *before, struct vr_str s) { printf("%s%.*s", before, (int)s.n, s.p); }

/* kind, id, name=value; counts of 0 are left out, for a view may lack them. */
static void print_views(struct golden *g, const char *kind)
{
	size_t n;
	struct vr_str words[] = {vr_str_c(kind), VR_STR("")};
	struct model_row **row = model_rows(&g->model, model_key(&g->key, words, 2), &n);
	for (size_t i = 0; i < n; i++) {
		struct vr_str name = model_word(row[i]->key, 2);
		if (words[0].n == 1 && is_zero_count(name, row[i]->value))
			continue;
		print_str("", words[0]);
		print_str("\t", model_word(row[i]->key, 1));
		print_str("\t", name);
		print_str("=", row[i]->value);
		putchar('\n');
	}
	free(row);
}

static void print_active(struct golden *g)
{
	size_t n;
	struct vr_str words[] = {VR_STR("active"), VR_STR("")};
	struct model_row **row = model_rows(&g->model, model_key(&g->key, words, 2), &n);
	for (size_t i = 0; i < n; i++) {
		print_str("active\t", row[i]->value);
		putchar('\n');
	}
	free(row);
}

static void print_alerts(const struct golden_part *p)
{
	const char *line = p->alerts.p, *end = line + p->alerts.n;
	for (; line < end; line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1)
		printf("alert\t%.*s\n", (int)((const char *)memchr(line, '\n', (size_t)(end - line)) - line), line);
}

static void print_part(const struct golden_part *p)
{
	struct vr_engine_facts f;
	vr_engine_facts(p->engine, &f);
	printf("part\t%d\tstream=%" PRId64 "\tlog=%" PRId64 "\tview=%" PRId64, p->no, f.stream.ms, f.log.ms,
		p->view.ms);
	printf("\tcontents=%" PRIu64 "\tpending=%" PRIu64 "\tfiring=%" PRIu64, f.contents, f.pending, f.firing);
	printf("\tfolded=%" PRIu64 "\tduplicates=%" PRIu64, p->fates[VR_FATE_FOLDED], p->fates[VR_FATE_DUPLICATE]);
	printf("\trefused=%" PRIu64 "\tpassed=%" PRIu64, p->fates[VR_FATE_REFUSED], p->fates[VR_FATE_PASSED]);
	printf("\tlate=%" PRIu64 "\tclock_ahead=%" PRIu64, p->late, p->clock_ahead);
	printf("\tunchecked=%" PRIu64 "\tmiskeyed=%" PRIu64 "\n", p->unchecked, p->miskeyed);
}

/* ------------------------------------------------ merged -------------------------------- */

static void print_merged(void *ctx, struct vr_str name, uint64_t value)
{
	const struct vr_str *entity = ctx;
	if (value == 0)
		return;
	print_str("merged\t", *entity);
	print_str("\t", name);
	printf("=%" PRIu64 "\n", value);
}

static void print_board(const struct golden *g, const struct vr_merge *m, size_t entity, unsigned window)
{
	const struct vr_merge_row *row;
	size_t n = vr_merge_board(m, entity, window, &row);
	for (size_t i = 0; i < n; i++) {
		print_str("board\t", vr_merge_name(m, entity));
		printf("\t%s\t%zu", window < g->config.windows.n ? g->config.windows.name[window] : "trend", i + 1);
		print_str("\t", row[i].id);
		printf(window < g->config.windows.n ? "\t%.0f" : "\t%.9f", row[i].score);
		printf("\trecent=%" PRIu64 "\n", row[i].recent);
	}
}

static void print_minutes(const struct vr_merge *m, size_t entity)
{
	struct vr_merge_told told = {.minute = INT64_MIN};
	struct vr_merge_minute minute;
	while (vr_merge_next_minute(m, entity, &told, &minute)) {
		print_str("minute\t", vr_merge_name(m, entity));
		printf("\t%" PRId64, minute.minute * 60000);
		for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
			if (minute.count[a])
				printf("\t%s=%" PRIu64, vr_action_plural((enum vr_action)a), minute.count[a]);
		if (minute.late)
			printf("\tlate=%" PRIu64, minute.late);
		putchar('\n');
	}
}

static void print_entity(const struct golden *g, struct vr_merge *m, size_t entity)
{
	struct vr_str name = vr_merge_name(m, entity);
	vr_merge_fields(m, entity, print_merged, &name);
	if (vr_merge_has_board(m, entity))
		for (unsigned w = 0; w < g->config.windows.n; w++)
			print_board(g, m, entity, w);
	if (entity == 0)
		print_board(g, m, entity, VR_WINDOWS_MAX);
	print_minutes(m, entity);
}

static void merge_slots(struct golden *g, struct vr_merge *m, const struct golden_part *p, enum vr_slot slot)
{
	size_t n;
	struct model_row **row = model_rows(&g->model, golden_slot_key(g, p, slot, VR_STR("")), &n);
	for (size_t i = 0; i < n; i++)
		if (vr_merge_slot(m, slot, model_word(row[i]->key, 3), row[i]->value))
			golden_die(g, "a stored slot cannot be merged");
	free(row);
}

static void print_merge(struct golden *g)
{
	struct vr_merge_config config = {g->config.windows, g->config.board_size, g->top_channels};
	struct vr_merge *m;
	if (vr_merge_new(&config, &g->mem, &m))
		golden_die(g, "out of memory");
	for (size_t i = 0; i < g->n_parts; i++) {
		vr_merge_part(m, g->part[i].view, g->part[i].has_events);
		merge_slots(g, m, &g->part[i], VR_SLOT_PARTIAL);
		merge_slots(g, m, &g->part[i], VR_SLOT_BOARD);
	}
	if (vr_merge_done(m))
		golden_die(g, "out of memory");
	printf("merge\tas_of=%" PRId64 "\tspread=%" PRId64 "\tother=%d\n", vr_merge_as_of(m).ms,
		vr_merge_spread(m).ms, vr_merge_has_other(m));
	for (size_t i = 0; i < vr_merge_entities(m); i++)
		print_entity(g, m, i);
	vr_merge_free(m);
}

void golden_print(struct golden *g)
{
	static const char *const kinds[] = {"c", "channels", "info", "ts"};
	for (size_t i = 0; i < g->n_parts; i++)
		print_part(&g->part[i]);
	for (size_t i = 0; i < 4; i++)
		print_views(g, kinds[i]);
	for (size_t i = 0; i < g->n_parts; i++)
		print_alerts(&g->part[i]);
	print_active(g);
	print_merge(g);
}
