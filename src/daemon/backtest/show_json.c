/* SPDX-License-Identifier: Apache-2.0 */
/* show_json.c - for programs: one object a line, times in milliseconds. */
#include "show.h"
#include "virality/json.h"

static void put_name(struct vr_buf *b, const char *name)
{
	vr_json_string(b, vr_str_c(name));
	vr_buf_byte(b, ':');
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
	vr_json_member_str(b, "alertname", f->name);
	vr_json_member_str(b, "severity", f->severity);
	vr_json_member_str(b, "content_id", f->content_id);
	vr_json_member_str(b, "title", f->title);
	vr_json_member_str(b, "topic", f->topic);
	vr_json_member_i64(b, "partition", f->partition);
	vr_json_member_i64(b, "offset", f->offset);
	vr_json_member_i64(b, "starts_ms", f->starts.ms);
	vr_json_member_i64(b, "fired_ms", f->fired.ms);
	vr_json_member_i64(b, "ends_ms", f->ends.ms);
	vr_json_member_str(b, "reason", vr_str_c(vr_alert_reason_name(f->reason)));
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
		vr_json_member_i64(b, "start_by_ms", vr_difference_start(d).ms);
		if (vr_difference_end(d, &by))
			vr_json_member_i64(b, "end_by_ms", by.ms);
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
		vr_json_member_i64(b, "hour_ms", t->hour[i].hour * VR_HOUR_IN_MS);
		vr_json_member_str(b, "alertname", t->rule[t->hour[i].rule].name);
		vr_json_member_i64(b, "alerts", (int64_t)t->hour[i].alerts);
		if (s->comparison)
			vr_json_member_i64(b, "before", (int64_t)t->hour[i].before);
		fine &= end(b);
	}
	return fine;
}

static bool print_summary(const struct vr_showing *s, struct vr_buf *b)
{
	const struct vr_history_facts *f = s->facts;
	const struct vr_trial_counts *c = &s->now->counts;
	begin(b, "summary");
	vr_json_member_i64(b, "records", (int64_t)f->records);
	vr_json_member_i64(b, "folded", (int64_t)c->fate[VR_FATE_FOLDED]);
	vr_json_member_i64(b, "duplicates", (int64_t)c->fate[VR_FATE_DUPLICATE]);
	vr_json_member_i64(b, "refused", (int64_t)c->fate[VR_FATE_REFUSED]);
	vr_json_member_i64(b, "passed", (int64_t)c->fate[VR_FATE_PASSED]);
	vr_json_member_i64(b, "late", (int64_t)c->late);
	vr_json_member_i64(b, "clock_ahead", (int64_t)c->clock_ahead);
	vr_json_member_i64(b, "miskeyed", (int64_t)c->miskeyed);
	vr_json_member_i64(b, "offsets_lost", (int64_t)f->lost);
	vr_json_member_i64(b, "offsets_lost_at_most", (int64_t)(f->lost + f->lost_at_most));
	vr_json_member_i64(b, "first_event_ms", f->first.ms);
	vr_json_member_i64(b, "last_event_ms", f->last.ms);
	vr_json_member_i64(b, "took_ms", f->took.ms);
	vr_json_member_i64(b, "alerts", (int64_t)s->now->found.n);
	if (s->comparison) {
		vr_json_member_i64(b, "before", (int64_t)s->before->found.n);
		for (unsigned i = 0; i < VR_CHANGES; i++)
			vr_json_member_i64(b, vr_change_name((enum vr_change)i), (int64_t)s->comparison->of[i]);
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
