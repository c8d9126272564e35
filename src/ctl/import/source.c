/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "source.h"

#define TELL_EVERY 4096U		/* lines between two words on how far the reading is */

enum vr_err vr_source_open(struct vr_source *s, struct vr_mem *mem, const struct vr_import_config *config,
	const char *name, struct vr_diag *d)
{
	enum vr_err err;

	*s = (struct vr_source){.mem = mem, .config = config, .in_order = true};
	vr_tree_init(&s->tree, mem);
	vr_arena_init(&s->kept_lines, mem, 1 << 20);
	err = vr_lines_open(&s->lines, mem, name, d);
	s->keep = s->lines.bytes == 0;
	return err;
}

void vr_source_close(struct vr_source *s)
{
	if (!s->mem)
		return;
	vr_recorded_done(&s->now);
	vr_lines_close(&s->lines);
	vr_tree_done(&s->tree);
	vr_arena_done(&s->kept_lines);
	vr_mem_put(s->mem, s->kept, s->cap_kept * sizeof(*s->kept));
	*s = (struct vr_source){0};
}

static enum vr_err keep_line(struct vr_source *s, int64_t ts_ms, struct vr_str line)
{
	struct vr_kept k = {.ts_ms = ts_ms, .number = s->lines.number};
	size_t cap = s->cap_kept ? 2 * s->cap_kept : 1024;

	if (s->n_kept == s->cap_kept) {
		void *p = vr_mem_resize(s->mem, s->kept, s->cap_kept * sizeof(k), cap * sizeof(k));

		if (!p)
			return VR_E_NOMEM;
		s->kept = p;
		s->cap_kept = cap;
	}
	if (vr_arena_dup(&s->kept_lines, line, &k.line))
		return VR_E_NOMEM;
	s->kept[s->n_kept++] = k;
	return VR_OK;
}

static void note_time(struct vr_source *s, int64_t ts_ms, bool first)
{
	s->in_order = s->in_order && (first || ts_ms >= s->max_ms);
	if (first || ts_ms < s->min_ms) {
		s->min_ms = ts_ms;
		s->min_line = s->lines.number;
	}
	if (first || ts_ms > s->max_ms)
		s->max_ms = ts_ms;
}

static void note_facts(const struct vr_recorded *r, struct vr_import_facts *facts)
{
	enum vr_action action;
	bool is_event = vr_recorded_action(r, &action);

	facts->lines[r->kind]++;
	facts->events += is_event;
	facts->unchanged += r->kind == VR_IMPORT_SHARE_TOTAL && !is_event;
}

static enum vr_err scan_line(
	struct vr_source *s, struct vr_str line, struct vr_import_facts *facts, struct vr_diag *d)
{
	struct vr_recorded r;
	enum vr_action action;
	enum vr_err err = vr_recorded_parse(&s->lines, line, &r, d);

	if (err)
		return err;
	note_time(s, r.ts_ms, s->lines.number == 1);
	note_facts(&r, facts);
	err = vr_tree_add(&s->tree, r.id, r.parent, r.kind == VR_IMPORT_POST);
	if (!err && s->keep && vr_recorded_action(&r, &action))
		err = keep_line(s, r.ts_ms, line);
	vr_recorded_done(&r);
	return err;
}

static enum vr_err scan_all(struct vr_source *s, struct vr_import_facts *facts, struct vr_diag *d)
{
	const struct vr_import_config *c = s->config;
	struct vr_str line;
	bool more = true;

	for (;;) {
		enum vr_err err = vr_lines_next(&s->lines, &line, &more, d);

		if (!err && !more)
			return VR_OK;
		if (!err)
			err = scan_line(s, line, facts, d);
		if (err)
			return err;
		if (c->reading && s->lines.number % TELL_EVERY == 0)
			c->reading(c->ctx, s->lines.name, vr_lines_part(&s->lines));
	}
}

static int by_time(const void *a, const void *b)
{
	const struct vr_kept *x = a, *y = b;

	if (x->ts_ms != y->ts_ms)
		return x->ts_ms < y->ts_ms ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Read the file once more, this time to keep it. */
static enum vr_err keep_all(struct vr_source *s, struct vr_diag *d)
{
	struct vr_import_facts seen_already = {0};
	enum vr_err err = vr_lines_rewind(&s->lines, d);

	s->keep = true;
	return err ? err : scan_all(s, &seen_already, d);
}

static enum vr_err choose_offset(struct vr_source *s, struct vr_diag *d)
{
	bool relative = s->max_ms < VR_IMPORT_RELATIVE_BELOW_MS;

	if (s->config->has_time_offset) {
		s->offset_ms = s->config->time_offset.ms;
		return VR_OK;
	}
	s->offset_ms = relative ? VR_IMPORT_EPOCH_MS : 0;
	if (relative || s->min_ms >= VR_IMPORT_RELATIVE_BELOW_MS)
		return VR_OK;
	s->lines.number = s->min_line;
	return vr_lines_fail(&s->lines, 1, VR_E_RANGE, d,
		"ts is %" PRId64 ", before 2001-09-09, but others are later: are "
		"these times since publication? Give --time-offset %" PRId64 " if so, --time-offset 0 if not",
		s->min_ms, VR_IMPORT_EPOCH_MS);
}

static void widen(const struct vr_source *s, struct vr_import_facts *facts)
{
	struct vr_wall first = {s->min_ms + s->offset_ms}, last = {s->max_ms + s->offset_ms};

	if (s->lines.number <= 1)
		return;		/* an empty file has no times */
	facts->first = facts->first.ms ? vr_wall_min(facts->first, first) : first;
	facts->last = vr_wall_max(facts->last, last);
}

enum vr_err vr_source_scan(struct vr_source *s, struct vr_import_facts *facts, struct vr_diag *d)
{
	enum vr_err err = scan_all(s, facts, d);

	if (!err)
		widen(s, facts);
	if (!err)
		err = choose_offset(s, d);
	if (!err && !s->in_order && !s->keep)
		err = keep_all(s, d);
	if (!err && s->keep && s->n_kept)
		qsort(s->kept, s->n_kept, sizeof(*s->kept), by_time);
	if (!err && !s->keep)
		err = vr_lines_rewind(&s->lines, d);
	return err;
}

/* The next line, from memory or from the file. */
static enum vr_err next_line(struct vr_source *s, struct vr_str *ret_line, bool *ret_more, struct vr_diag *d)
{
	const struct vr_kept *k;

	if (!s->keep)
		return vr_lines_next(&s->lines, ret_line, ret_more, d);
	*ret_more = s->next_kept < s->n_kept;
	if (!*ret_more)
		return VR_OK;
	k = &s->kept[s->next_kept++];
	s->lines.number = k->number;
	*ret_line = k->line;
	return VR_OK;
}

static struct vr_str lower(struct vr_source *s, struct vr_str channel)
{
	if (channel.n == 0)
		return VR_STR("unknown");
	for (size_t i = 0; i < channel.n; i++) {
		char c = channel.p[i];

		s->channel[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	return (struct vr_str){s->channel, channel.n};
}

static void fill(struct vr_source *s, enum vr_action action, struct vr_event *ev)
{
	const struct vr_recorded *r = &s->now;
	bool from_post = vr_tree_is_post(&s->tree, r->parent);

	*ev = (struct vr_event){
		.event_id = r->id,
		.content_id = r->content,
		.content_type = s->config->content_type,
		.channel = lower(s, r->channel),
		.actor_id = r->user,
		.parent_event_id = from_post ? (struct vr_str){0} : r->parent,
		.event_time = {r->ts_ms + s->offset_ms},
		.audience_size = (uint64_t)r->reach,
		.depth = vr_tree_depth_below(&s->tree, r->parent),
		.count = r->kind == VR_IMPORT_SHARE_TOTAL ? (uint32_t)r->delta : 1,
		.action = action,
	};
}

enum vr_err vr_source_next(struct vr_source *s, struct vr_event *ret_ev, bool *ret_more, struct vr_diag *d)
{
	enum vr_action action = VR_ACTION_SHARE;
	bool is_event = false;

	while (!is_event) {
		struct vr_str line;
		enum vr_err err = next_line(s, &line, ret_more, d);

		if (err || !*ret_more)
			return err;
		vr_recorded_done(&s->now);
		err = vr_recorded_parse(&s->lines, line, &s->now, d);
		if (err)
			return err;
		is_event = vr_recorded_action(&s->now, &action);
	}
	fill(s, action, ret_ev);
	return VR_OK;
}
