/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a diff for people and for programs. */
#include "parts.h"
#include "virality/json.h"
#include "virality/term.h"

/* ------------------------------------------------ for people -------------------------- */

static void print_rows(struct vr_diff *f, const struct vr_diff_rows *rows, const char *what, uint64_t all, FILE *out)
{
	const struct vr_ctl_column columns[] = {{what, false, 40}, {"field", false, 32}, {"live", true, 24}, {"replay", true, 24},
		{"difference", true, 0}, {"fields", true, 0}};
	struct vr_ctl_table t;
	if (rows->n == 0)
		return;
	vr_arena_reset(&f->texts);
	vr_ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]), &f->texts);
	for (size_t i = 0; i < rows->n; i++) {
		const struct vr_diff_row *r = &rows->at[i];
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		if (!row)
			break;
		row->cells[0] = vr_str_c(r->id);
		row->cells[1] = vr_str_c(r->name);
		row->cells[2] = vr_str_c(r->value[VR_DIFF_LIVE]);
		row->cells[3] = vr_str_c(r->value[VR_DIFF_SHADOW]);
		row->cells[4] = r->by > 0 && r->by < 1e15 ? vr_ctl_number(&f->texts, (int64_t)r->by) : VR_STR("-");
		row->cells[5] = vr_ctl_number(&f->texts, r->fields);
	}
	vr_ctl_table_print(&t, out);
	if (all > rows->n)
		fprintf(out, "... and %llu more\n", (unsigned long long)(all - rows->n));
	fputc('\n', out);
}

static void print_alerts(struct vr_diff *f, FILE *out)
{
	static const struct vr_ctl_column columns[] = {
		{"alerts", false, 0}, {"time", false, 0}, {"state", false, 0}, {"rule", false, 32}, {"content", false, 40}, {"id", false, 0}};
	struct vr_ctl_table t;
	if (f->alert.n == 0)
		return;
	vr_arena_reset(&f->texts);
	vr_ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]), &f->texts);
	for (size_t i = 0; i < f->alert.n && i < f->config.show; i++) {
		const struct vr_diff_alert *a = &f->alert.at[i];
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		if (!row)
			break;
		row->cells[0] = a->only_shadow ? VR_STR("added") : VR_STR("removed");
		row->cells[1] = vr_ctl_time(&f->texts, a->time_ms);
		row->cells[2] = vr_str_c(a->state);
		row->cells[3] = vr_str_c(a->alertname);
		row->cells[4] = vr_str_c(a->content);
		row->cells[5] = vr_str_c(a->id);
	}
	vr_ctl_table_print(&t, out);
	if (f->alert.n > f->config.show)
		fprintf(out, "... and %zu more\n", f->alert.n - f->config.show);
	fputc('\n', out);
}

static void note(FILE *out, uint64_t n, const char *what)
{
	if (n)
		fprintf(out, "%llu %s\n", (unsigned long long)n, what);
}

static void print_text(struct vr_diff *f, FILE *out)
{
	const struct vr_diff_counts *c = &f->counts;
	print_rows(f, &f->contents, "content", c->differing, out);
	print_rows(f, &f->channels, "channel", c->channels_differing, out);
	print_alerts(f, out);
	fprintf(out, "compared: %llu contents, %llu channels and overall, %llu fields, %llu alerts\n", (unsigned long long)c->contents,
		(unsigned long long)c->channels, (unsigned long long)c->fields, (unsigned long long)c->alerts);
	note(out, c->moving, "contents not compared: live has gone on");
	note(out, c->parts_moving, "partitions not in the channels: the replay is not where live is, or begins later");
	note(out, c->older, "contents not compared: they began before the replay does");
	note(out, c->miskeyed, "contents not compared: their home is another partition");
	note(out, c->alerts_untold, "alerts not compared: of a time when live was silent, that is no longer kept, or that the other side has not reached");
	if (vr_diff_is_none(f)) {
		fputs("no difference\n", out);
		return;
	}
	fprintf(out, "%llu contents differ (%llu only in live, %llu only in the replay), %llu channels; alerts: %llu added, %llu removed\n",
		(unsigned long long)c->differing, (unsigned long long)c->only_live, (unsigned long long)c->only_shadow,
		(unsigned long long)c->channels_differing, (unsigned long long)c->added, (unsigned long long)c->removed);
}

/* ------------------------------------------------ for programs ------------------------ */

static void end_line(struct vr_buf *b, FILE *out)
{
	vr_buf_c(b, "}\n");
	if (!b->failed)
		(void)fwrite(b->p, 1, b->n, out);
	vr_buf_clear(b);
}

static void json_rows(const struct vr_diff_rows *rows, const char *what, struct vr_buf *b, FILE *out)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct vr_diff_row *r = &rows->at[i];
		vr_buf_c(b, "{\"what\":\"");
		vr_buf_c(b, what);
		vr_buf_byte(b, '"');
		vr_json_member_str(b, "id", vr_str_c(r->id));
		vr_json_member_str(b, "field", vr_str_c(r->name));
		vr_json_member_str(b, "live", vr_str_c(r->value[VR_DIFF_LIVE]));
		vr_json_member_str(b, "replay", vr_str_c(r->value[VR_DIFF_SHADOW]));
		vr_json_member_i64(b, "fields", r->fields);
		end_line(b, out);
	}
}

static void json_alerts(const struct vr_diff *f, struct vr_buf *b, FILE *out)
{
	for (size_t i = 0; i < f->alert.n && i < f->config.show; i++) {
		const struct vr_diff_alert *a = &f->alert.at[i];
		vr_buf_c(b, a->only_shadow ? "{\"what\":\"alert added\"" : "{\"what\":\"alert removed\"");
		vr_json_member_str(b, "id", vr_str_c(a->id));
		vr_json_member_str(b, "alertname", vr_str_c(a->alertname));
		vr_json_member_str(b, "content_id", vr_str_c(a->content));
		vr_json_member_str(b, "state", vr_str_c(a->state));
		vr_json_member_i64(b, "offset", a->offset);
		vr_json_member_i64(b, "updated_ms", a->time_ms);
		end_line(b, out);
	}
}

static void print_json(const struct vr_diff *f, FILE *out)
{
	const struct vr_diff_counts *c = &f->counts;
	const struct { const char *name; uint64_t n; } counts[] = {
		{"contents", c->contents}, {"differing", c->differing}, {"only_live", c->only_live}, {"only_replay", c->only_shadow},
		{"moving", c->moving}, {"older", c->older}, {"miskeyed", c->miskeyed}, {"fields", c->fields}, {"channels", c->channels},
		{"channels_differing", c->channels_differing}, {"partitions", c->parts}, {"partitions_apart", c->parts_moving},
		{"alerts", c->alerts}, {"alerts_added", c->added}, {"alerts_removed", c->removed}, {"alerts_untold", c->alerts_untold}};
	struct vr_mem mem = f->mem;
	struct vr_buf b;
	vr_buf_init(&b, &mem);
	json_rows(&f->contents, "content", &b, out);
	json_rows(&f->channels, "channel", &b, out);
	json_alerts(f, &b, out);
	vr_buf_c(&b, "{\"what\":\"sum\",\"no_difference\":");
	vr_buf_c(&b, vr_diff_is_none(f) ? "true" : "false");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		vr_json_member_i64(&b, counts[i].name, (int64_t)counts[i].n);
	end_line(&b, out);
	vr_buf_done(&b);
}

void vr_diff_print(struct vr_diff *f, FILE *out, bool json)
{
	if (json)
		print_json(f, out);
	else
		print_text(f, out);
}
