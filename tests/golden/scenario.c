/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.c - a scenario is a file of lines:
 *
 *   # why it is there
 *   windows 1m 5m 1h 24h                 settings, all before the first record
 *   parts 2                              likewise max_ahead, dedup_window, retention (ms), channels_max,
 *                                        views_min_events, ts_min_events, board_size, top_channels
 *   home <content> <topic:partition>     Redis says where the content is at home; the topic is "t"
 *   rules <file>                         from here on these rules are in force
 *   r <partition> <offset> <Kafka time> <an event as JSON | tombstone | refused>
 *   view <partition> <ms>                view time of the last cut                                  */
#include <stdio.h>
#include <stdlib.h>

#include "golden.h"
#include "virality/codec.h"
#include "virality/rulefile.h"

enum { LINE_MAX_BYTES = 1 << 17, ERRORS = 8 };

/* ------------------------------------------------ settings ------------------------------ */

static void set_number(struct golden *g, const char *name, const char *value)
{
	struct { const char *name; int64_t *ms; uint32_t *n; } table[] = {
		{"max_ahead", &g->config.max_ahead.ms, NULL},
		{"dedup_window", &g->config.dedup_window.ms, NULL},
		{"retention", &g->config.retention.ms, NULL},
		{"channels_max", NULL, &g->config.channels_max},
		{"views_min_events", NULL, &g->config.views_min_events},
		{"ts_min_events", NULL, &g->config.ts_min_events},
		{"board_size", NULL, &g->config.board_size},
		{"top_channels", NULL, &g->top_channels},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		if (table[i].ms)
			*table[i].ms = strtoll(value, NULL, 10);
		else
			*table[i].n = (uint32_t)strtoul(value, NULL, 10);
		return;
	}
	golden_die(g, "no such setting: %s", name);
}

static void set(struct golden *g, const char *name, char *value)
{
	struct vr_diag d;
	if (strcmp(name, "windows") == 0) {
		if (vr_windows_parse(vr_str_c(value), &g->config.windows, &d))
			golden_die(g, "%s", d.text);
	} else if (strcmp(name, "parts") == 0) {
		g->n_parts = strtoul(value, NULL, 10);
		if (g->n_parts == 0 || g->n_parts > GOLDEN_PARTS)
			golden_die(g, "1 to %d partitions", GOLDEN_PARTS);
	} else {
		set_number(g, name, value);
	}
}

static void set_home(struct golden *g, char *value)
{
	char *home = strrchr(value, ' ');
	if (!home)
		golden_die(g, "home: a content and a partition");
	*home++ = '\0';
	struct vr_str words[] = {VR_STR("home"), vr_str_c(value)};
	model_set(&g->model, model_key(&g->key, words, 2), vr_str_c(home));
}

/* ------------------------------------------------ rules --------------------------------- */

static struct vr_str read_file(const struct golden *g, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(LINE_MAX_BYTES);
	if (!f || !text)
		golden_die(g, "cannot read %s", path);
	size_t n = fread(text, 1, LINE_MAX_BYTES, f);
	(void)fclose(f);
	return (struct vr_str){text, n};
}

/* The path is beside the scenario's own. */
static void rules(struct golden *g, const char *name)
{
	char path[4096];
	const char *slash = strrchr(g->file, '/');
	struct vr_rule_error at[ERRORS];
	struct vr_rule_errors errors = {.at = at, .cap = ERRORS};
	struct vr_rulefile *file;
	struct vr_rules *set;
	size_t n;
	(void)snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - g->file) : 0, g->file, name);
	struct vr_str text = read_file(g, path);
	if (vr_rulefile_parse(text, vr_str_c(name), &file, &errors))
		golden_die(g, "%s:%u: %s", name, at[0].pos.line, at[0].text);
	const struct vr_rule_spec *specs = vr_rulefile_specs(file, &n);
	if (vr_rules_compile(specs, n, &g->config.windows, &g->mem, &set, &errors))
		golden_die(g, "%s:%u: %s", name, at[0].pos.line, at[0].text);
	vr_rulefile_free(file);
	golden_batch(g);
	free((void *)(uintptr_t)text.p);
	golden_rules(g, set);
}

/* ------------------------------------------------ records ------------------------------- */

static void decode(struct golden *g, char *json, struct golden_waiting *w)
{
	struct vr_raw raw = {.has_value = true};
	struct vr_codec_stats stats = {0};
	enum vr_raw_kind kind;
	if (vr_arena_dup(&g->arena, vr_str_c(json), &raw.value))
		golden_die(g, "out of memory");
	w->record.refused = vr_codec_event(&raw, &g->arena, &stats, &w->event, &kind, NULL);
	if (!w->record.refused)
		w->record.event = &w->event;
}

static void record(struct golden *g, char *line)
{
	struct golden_waiting *w = &g->waiting[g->n_waiting];
	char *p = line;
	unsigned long part = strtoul(p, &p, 10);
	w->part = (unsigned)part;
	w->record = (struct vr_record){.offset = strtoll(p, &p, 10)};
	w->record.kafka_time.ms = strtoll(p, &p, 10);
	if (part >= g->n_parts || *p++ != ' ')
		golden_die(g, "r <partition> <offset> <Kafka time> <event>");
	if (*p == '{')
		decode(g, p, w);
	else if (strcmp(p, "refused") == 0)
		w->record.refused = VR_E_DECODE;
	else if (strcmp(p, "tombstone") != 0)
		golden_die(g, "neither an event, a tombstone nor refused: %s", p);
	if (++g->n_waiting == g->options.batch)
		golden_batch(g);
}

static void view(struct golden *g, char *line)
{
	char *p = line;
	unsigned long part = strtoul(p, &p, 10);
	if (part >= g->n_parts)
		golden_die(g, "no such partition");
	g->part[part].view.ms = strtoll(p, NULL, 10);
}

/* ------------------------------------------------ lines --------------------------------- */

static void begin_once(struct golden *g)
{
	if (!g->part[0].engine)
		golden_begin(g);
}

static void read_line(struct golden *g, char *line)
{
	char *value = strchr(line, ' ');
	if (line[0] == '#' || line[0] == '\0')
		return;
	if (!value)
		golden_die(g, "a word alone: %s", line);
	*value++ = '\0';
	if (strcmp(line, "home") == 0) {
		set_home(g, value);
		return;
	}
	if (strcmp(line, "r") != 0 && strcmp(line, "rules") != 0 && strcmp(line, "view") != 0) {
		set(g, line, value);
		return;
	}
	begin_once(g);
	if (line[0] == 'v')
		view(g, value);
	else if (line[1] == 'u')
		rules(g, value);
	else
		record(g, value);
}

void golden_scenario(struct golden *g, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = malloc(LINE_MAX_BYTES);
	g->file = path;
	if (!f || !line)
		golden_die(g, "cannot be read");
	while (fgets(line, LINE_MAX_BYTES, f)) {
		g->line++;
		line[strcspn(line, "\n")] = '\0';
		read_line(g, line);
	}
	(void)fclose(f);
	free(line);
	begin_once(g);
}
