/* SPDX-License-Identifier: Apache-2.0 */
/* vr_golden [--cut N] [--batch N] [--reload N] [--as-is] [--check] SCENARIO...
 * What the engine makes of scenarios, as text.
 *
 * The text must not depend on --cut, --batch and --reload, but with --as-is: then each content's windows are
 * those of its own as_of_ms, as the last cut that wrote it left them. */
#include "golden.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void golden_die(const struct golden *g, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	(void)fflush(stdout);
	fprintf(stderr, "%s:%u: ", g->file, g->line);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void init(struct golden *g, const struct golden_options *options)
{
	struct vr_diag d;
	*g = (struct golden){.options = *options, .mem = vr_mem_heap(), .n_parts = 1, .top_channels = 64};
	g->config = (struct vr_engine_config){
		.topic = VR_STR("t"),
		.max_ahead = {300000},
		.dedup_window = {600000},
		.retention = {INT64_C(2592000000)},
		.channels_max = 256,
		.views_min_events = 1,
		.ts_min_events = 20,
		.board_size = 100,
	};
	if (vr_windows_parse(VR_STR("1m 5m 1h 24h"), &g->config.windows, &d))
		golden_die(g, "%s", d.text);
	vr_arena_init(&g->arena, &g->mem, 0);
	vr_buf_init(&g->key, &g->mem);
	vr_buf_init(&g->scratch, &g->mem);
	model_init(&g->model);
}

static void done(struct golden *g)
{
	for (size_t i = 0; i < g->n_parts; i++) {
		vr_engine_free(g->part[i].engine);
		vr_buf_done(&g->part[i].alerts);
	}
	for (uint32_t i = 0; i < g->n_sets; i++)
		vr_rules_free(g->set[i]);
	vr_arena_done(&g->arena);
	vr_buf_done(&g->key);
	vr_buf_done(&g->scratch);
	model_done(&g->model);
	if (g->mem.used != 0)
		golden_die(g, "%zu bytes were not given back", g->mem.used);
}

static void run(const char *path, const struct golden_options *options)
{
	struct golden *g = malloc(sizeof(*g));
	if (!g)
		exit(70);
	init(g, options);
	golden_scenario(g, path);
	golden_finish(g);
	if (!options->as_is)
		golden_reshow(g);
	golden_print(g);
	done(g);
	free(g);
}

int main(int argc, char **argv)
{
	struct golden_options options = {.cut_every = 1, .batch = 1};
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--as-is") == 0)
			options.as_is = true;
		else if (strcmp(argv[i], "--check") == 0)
			options.check = true;
		else if (i + 1 < argc && strcmp(argv[i], "--cut") == 0)
			options.cut_every = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--batch") == 0)
			options.batch = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--reload") == 0)
			options.reload_every = strtoull(argv[++i], NULL, 10);
		else
			i = argc;
	}
	if (i >= argc || options.batch == 0 || options.batch > GOLDEN_BATCH) {
		fputs("usage: vr_golden [--cut N] [--batch N] [--reload N] [--as-is] [--check] SCENARIO...\n", stderr);
		return 64;
	}
	bool many = argc - i > 1;
	for (; i < argc; i++) {
		if (many)
			printf("== %s\n", argv[i]);
		run(argv[i], &options);
	}
	return 0;
}
