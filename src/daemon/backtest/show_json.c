/* SPDX-License-Identifier: Apache-2.0 */
/* show_json.c - for programs: one object a line, times in milliseconds. */
#include "show.h"
#include "virality/json.h"

static void put_name(struct vr_buf *b, const char *name)
{
	vr_json_string(b, vr_str_c(name));
	vr_buf_byte(b, ':');
}

/* `,"name":number` */
static void put_number(struct vr_buf *b, const char *name, int64_t n)
{
	vr_buf_byte(b, ',');
	put_name(b, name);
	vr_buf_i64(b, n);
}

static void put_text(struct vr_buf *b, const char *name, struct vr_str text)
{
	vr_buf_byte(b, ',');
	put_name(b, name);
	vr_json_string(b, text);
}

static void put_value(struct vr_buf *b, const char *name, double v)
{
	vr_buf_byte(b, ',');
	put_name(b, name);
	if (v != v || v - v != 0)
		vr_buf_c(b, "null");
	else
		vr_value_text(v, b);
}

static void put_found(struct vr_buf *b, const struct vr_found *f)
{
	vr_buf_byte(b, '{');
	put_name(b, "id");
	vr_json_string(b, (struct vr_str){f->id, VR_ALERT_ID_LEN});
	put_text(b, "alertname", f->name);
	put_text(b, "severity", f->severity);
	put_text(b, "content_id", f->content_id);
	put_text(b, "title", f->title);
	put_text(b, "topic", f->topic);
	put_number(b, "partition", f->partition);
	put_number(b, "offset", f->offset);
	put_number(b, "starts_ms", f->starts.ms);
	put_number(b, "fired_ms", f->fired.ms);
	put_number(b, "ends_ms", f->ends.ms);
	put_text(b, "reason", vr_str_c(vr_alert_reason_name(f->reason)));
	put_value(b, "value", f->value);
	put_value(b, "threshold", f->threshold);
	vr_buf_byte(b, '}');
}

static void begin(struct vr_buf *b, const char *kind)
{
	vr_buf_clear(b);
	vr_buf_c(b, "{\"kind\":");
	vr_json_string(b, vr_str_c(kind));
}

static bool end(struct vr_buf *b)
{
	vr_buf_c(b, "}\n");
	if (!b->failed)
		(void)fwrite(b->p, 1, b->n, stdout);
	return !b->failed;
}

static bool print_difference(struct vr_buf *b, const struct vr_difference *d)
{
	struct vr_span by;
	begin(b, vr_change_name(d->change));
	if (d->change == VR_CHANGE_SHIFTED) {
		put_number(b, "start_by_ms", vr_difference_start(d).ms);
		if (vr_difference_end(d, &by))
			put_number(b, "end_by_ms", by.ms);
	}
	if (d->now) {
		vr_buf_c(b, ",\"new\":");
		put_found(b, d->now);
	}
	if (d->before) {
		vr_buf_c(b, ",\"old\":");
		put_found(b, d->before);
	}
	return end(b);
}

static bool print_hours(const struct vr_showing *s, const struct vr_tallies *t, struct vr_buf *b)
{
	bool fine = true;
	for (size_t i = 0; i < t->n_hours; i++) {
		begin(b, "hour");
		put_number(b, "hour_ms", t->hour[i].hour * VR_HOUR_IN_MS);
		put_text(b, "alertname", t->rule[t->hour[i].rule].name);
		put_number(b, "alerts", (int64_t)t->hour[i].alerts);
		if (s->comparison)
			put_number(b, "before", (int64_t)t->hour[i].before);
		fine &= end(b);
	}
	return fine;
}

static bool print_summary(const struct vr_showing *s, struct vr_buf *b)
{
	const struct vr_history_facts *f = s->facts;
	const struct vr_trial_counts *c = &s->now->counts;
	begin(b, "summary");
	put_number(b, "records", (int64_t)f->records);
	put_number(b, "folded", (int64_t)c->fate[VR_FATE_FOLDED]);
	put_number(b, "duplicates", (int64_t)c->fate[VR_FATE_DUPLICATE]);
	put_number(b, "refused", (int64_t)c->fate[VR_FATE_REFUSED]);
	put_number(b, "passed", (int64_t)c->fate[VR_FATE_PASSED]);
	put_number(b, "late", (int64_t)c->late);
	put_number(b, "clock_ahead", (int64_t)c->clock_ahead);
	put_number(b, "miskeyed", (int64_t)c->miskeyed);
	put_number(b, "offsets_lost", (int64_t)f->lost);
	put_number(b, "offsets_lost_at_most", (int64_t)(f->lost + f->lost_at_most));
	put_number(b, "first_event_ms", f->first.ms);
	put_number(b, "last_event_ms", f->last.ms);
	put_number(b, "took_ms", f->took.ms);
	put_number(b, "alerts", (int64_t)s->now->found.n);
	if (s->comparison) {
		put_number(b, "before", (int64_t)s->before->found.n);
		for (unsigned i = 0; i < VR_CHANGES; i++)
			put_number(b, vr_change_name((enum vr_change)i), (int64_t)s->comparison->of[i]);
	}
	return end(b);
}

enum vr_err vr_show_json(const struct vr_showing *s)
{
	struct vr_tallies t;
	struct vr_buf b;
	enum vr_err err = vr_tallies_make(&t, s->now->rules, s->before ? s->before->rules : NULL, &s->now->found,
		s->before ? &s->before->found : NULL, s->comparison, s->mem);
	vr_buf_init(&b, s->mem);
	bool fine = !err && print_hours(s, &t, &b);
	for (size_t i = 0; fine && s->comparison && i < s->comparison->n; i++)
		if (s->comparison->at[i].change != VR_CHANGE_NONE)
			fine &= print_difference(&b, &s->comparison->at[i]);
	fine = fine && print_summary(s, &b);
	vr_buf_done(&b);
	vr_tallies_done(&t);
	return fine ? VR_OK : VR_E_NOMEM;
}
