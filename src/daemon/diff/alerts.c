/* SPDX-License-Identifier: Apache-2.0 */
/* alerts.c - what was announced against what the replay brought forth.
 *
 * Live announces nothing of what it folded in silence (a first start, what came before a switch), nor keeps what is older
 * than alerts_retention; and either side may be further. Only where both must tell the same are they compared. */
#include <stdlib.h>

#include "parts.h"

enum { PAGE = 500 };

/* From where on live has told all, of each partition; and since when the stream holds all. */
struct bounds { int64_t *silent, *base, *off[VR_DIFF_SIDES]; struct vr_wall *stream[VR_DIFF_SIDES]; int64_t kept_ms; };

/* ------------------------------------------------ lists ------------------------------ */

enum vr_err vr_diff_alerts_add(struct vr_diff_alerts *list, const struct vr_diff_alert *a)
{
	struct vr_diff_alert *at = vr_mem_grow(list->at, list->n, &list->cap, sizeof(*at));
	if (!at)
		return VR_E_NOMEM;
	list->at = at;
	list->at[list->n++] = *a;
	return VR_OK;
}

int vr_diff_alert_order(const void *a, const void *b)
{
	const struct vr_diff_alert *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order ? order : strcmp(x->state, y->state);
}

enum vr_err vr_diff_alert_keep(struct vr_diff *f, const struct vr_diff_alert *a, bool only_shadow)
{
	struct vr_diff_alert row = *a;
	row.only_shadow = only_shadow;
	f->counts.added += only_shadow;
	f->counts.removed += !only_shadow;
	return vr_diff_alerts_add(&f->alert, &row);
}

/* ------------------------------------------------ the streams ------------------------ */

static int32_t find_part(const struct vr_diff *f, const struct vr_reply *flat)
{
	for (size_t i = 0; i < f->n_parts; i++)
		if (f->part[i].partition == vr_reply_field_i64(flat, "partition") && vr_str_eq(f->part[i].topic, vr_reply_field_str(flat, "topic")))
			return (int32_t)i;
	return -1;
}

static enum vr_err take_entry(struct vr_diff *f, const struct vr_reply *flat, struct vr_diff_alerts *list)
{
	struct vr_diff_alert a = {.part = find_part(f, flat), .offset = vr_reply_field_i64(flat, "offset"), .time_ms = vr_reply_field_i64(flat, "updated_ms")};
	if (a.part < 0 || vr_str_eq(vr_reply_field_str(flat, "reason"), VR_STR("switch")))
		return VR_OK;
	vr_str_copy(a.id, sizeof(a.id), vr_reply_field_str(flat, "id"));
	vr_str_copy(a.state, sizeof(a.state), vr_reply_field_str(flat, "state"));
	vr_str_copy(a.alertname, sizeof(a.alertname), vr_reply_field_str(flat, "alertname"));
	vr_str_copy(a.content, sizeof(a.content), vr_reply_field_str(flat, "content_id"));
	return vr_diff_alerts_add(list, &a);
}

static void ask_page(struct vr_diff *f, bool shadow, const char *after)
{
	vr_cmd_select(&f->page.cmds, f->keys.alerts_db);
	vr_cmd(&f->page.cmds, 6, "XRANGE");
	if (shadow)
		vr_key_replay(&f->page.cmds, &f->keys, vr_str_c(f->generation.name), "alerts");
	else
		vr_key_global(&f->page.cmds, &f->keys, "alerts");
	vr_cmd_c(&f->page.cmds, after);
	vr_cmd_c(&f->page.cmds, "+");
	vr_cmd_c(&f->page.cmds, "COUNT");
	vr_cmd_i64(&f->page.cmds, PAGE);
	vr_cmd_select(&f->page.cmds, f->db[VR_DIFF_LIVE]);
}

static enum vr_err read_stream(struct vr_diff *f, bool shadow, struct vr_diff_alerts *list, struct vr_diag *d)
{
	char after[64] = "-";
	for (;;) {
		ask_page(f, shadow, after);
		enum vr_err err = vr_diff_ask(f, &f->page, d);
		size_t n = err ? 0 : f->page.r.at[1].n;
		for (size_t i = 0; i < n && !err; i++)
			err = take_entry(f, &f->page.r.at[1].elem[i].elem[1], list);
		if (err || n < PAGE)
			return err;
		snprintf(after, sizeof(after), "(%s", f->page.r.at[1].elem[n - 1].elem[0].str.p);
	}
}

/* ------------------------------------------------ what can be compared --------------- */

/* Has anything been taken off the alert stream? Then what is older than its first entry is not known. */
static enum vr_err find_kept(struct vr_diff *f, struct bounds *b, struct vr_diag *d)
{
	vr_cmd_select(&f->page.cmds, f->keys.alerts_db);
	vr_cmd(&f->page.cmds, 6, "XRANGE");
	vr_key_global(&f->page.cmds, &f->keys, "alerts");
	vr_cmd_c(&f->page.cmds, "-");
	vr_cmd_c(&f->page.cmds, "+");
	vr_cmd_c(&f->page.cmds, "COUNT");
	vr_cmd_i64(&f->page.cmds, 1);
	vr_cmd_select(&f->page.cmds, f->db[VR_DIFF_LIVE]);
	enum vr_err err = vr_diff_ask(f, &f->page, d);
	if (err)
		return err;
	b->kept_ms = 0;
	if (f->page.r.at[1].n == 0)
		return VR_OK;	/* no stream, or an empty one: XINFO has nothing to tell */
	b->kept_ms = strtoll(f->page.r.at[1].elem[0].elem[0].str.p, NULL, 10);
	vr_cmd_select(&f->page.cmds, f->keys.alerts_db);
	vr_cmd(&f->page.cmds, 3, "XINFO");
	vr_cmd_c(&f->page.cmds, "STREAM");
	vr_key_global(&f->page.cmds, &f->keys, "alerts");
	vr_cmd_select(&f->page.cmds, f->db[VR_DIFF_LIVE]);
	err = vr_diff_ask(f, &f->page, d);
	if (err)
		return err;
	/* Redis 6 does not count what was added: then the first entry is the bound. */
	const struct vr_reply *info = &f->page.r.at[1];
	if (vr_reply_field(info, "entries-added") && vr_reply_field_i64(info, "entries-added") == vr_reply_field_i64(info, "length"))
		b->kept_ms = 0;
	return VR_OK;
}

static enum vr_err read_bounds(struct vr_diff *f, struct bounds *b, struct vr_diag *d)
{
	size_t n = f->n_parts;
	vr_cmd_words(&f->page.cmds, "MULTI", NULL);
	for (size_t i = 0; i < n; i++) {
		vr_cmd_select(&f->page.cmds, f->keys.alerts_db);
		vr_cmd(&f->page.cmds, 3, "HGET");
		vr_key_own(&f->page.cmds, &f->part[i].keys, "said");
		vr_cmd_c(&f->page.cmds, "silent");
		for (int k = 0; k < VR_DIFF_SIDES; k++) {
			vr_cmd_select(&f->page.cmds, f->db[k]);
			vr_cmd(&f->page.cmds, 5, "HMGET");
			vr_key_own(&f->page.cmds, &f->part[i].keys, "own");
			vr_cmd_c(&f->page.cmds, "off");
			vr_cmd_c(&f->page.cmds, "stream_ms");
			vr_cmd_c(&f->page.cmds, "base_offset");
		}
	}
	vr_cmd_select(&f->page.cmds, f->db[VR_DIFF_LIVE]);
	vr_cmd_words(&f->page.cmds, "EXEC", NULL);
	enum vr_err err = vr_diff_ask(f, &f->page, d);
	const struct vr_reply *exec = err ? NULL : &f->page.r.at[f->page.r.n - 1];
	if (!err && (exec->type != VR_REPLY_ARRAY || exec->n != 6 * n + 1))
		err = vr_diag_set(d, VR_E_REPLY, "redis", "EXEC did not answer with what was asked");
	for (size_t i = 0; i < n && !err; i++) {
		const struct vr_reply *at = exec->elem + 6 * i;
		int64_t v = 0;
		b->silent[i] = vr_reply_i64(&at[1], &v) ? v : 0;
		for (int k = 0; k < VR_DIFF_SIDES; k++) {
			b->off[k][i] = vr_reply_i64(&at[3 + 2 * k].elem[0], &v) ? v : 0;
			b->stream[k][i].ms = vr_reply_i64(&at[3 + 2 * k].elem[1], &v) ? v : 0;
		}
		b->base[i] = vr_reply_i64(&at[5].elem[2], &v) ? v : 0;
	}
	return err;
}

/* Must the other side have it, too? side: where it stands. */
static bool must_match(const struct bounds *b, const struct vr_diff_alert *a, int side)
{
	size_t i = (size_t)a->part;
	if (a->offset < b->silent[i] || a->offset < b->base[i])
		return false;
	if (side == VR_DIFF_SHADOW && a->time_ms < b->kept_ms)
		return false;
	/* Where one side is further, the other gets to that moment later; and a moment may have several records. */
	return b->off[0][i] == b->off[1][i] || a->time_ms < b->stream[!side][i].ms;
}

/* ------------------------------------------------ what differs ------------------------ */

static int by_time(const void *a, const void *b)
{
	const struct vr_diff_alert *x = a, *y = b;
	return x->time_ms != y->time_ms ? (x->time_ms < y->time_ms ? 1 : -1) : vr_diff_alert_order(a, b);
}

/* A content that began before the replay does is none of its own; nor is one that was forgotten since. *ret: it is. */
static enum vr_err began_within(struct vr_diff *f, const struct bounds *b, const struct vr_diff_alert *a, bool *ret, struct vr_diag *d)
{
	struct vr_brief brief;
	*ret = true;
	if (f->part[a->part].merged)	/* both begin with the same record */
		return VR_OK;
	vr_cmd(&f->page.cmds, 2, "GET");
	vr_key_slot(&f->page.cmds, &f->part[a->part].keys, VR_SLOT_CONTENT, vr_str_c(a->content));
	enum vr_err err = vr_diff_ask(f, &f->page, d);
	if (!err)
		*ret = f->page.r.at[0].type == VR_REPLY_STR && !vr_content_brief(f->page.r.at[0].str, &brief) && brief.first_off >= b->base[a->part];
	return err;
}

static enum vr_err single(struct vr_diff *f, const struct bounds *b, const struct vr_diff_alert *a, int side, struct vr_diag *d)
{
	bool counts = must_match(b, a, side);
	enum vr_err err = counts ? began_within(f, b, a, &counts, d) : VR_OK;
	if (err)
		return err;
	if (!counts) {
		f->counts.alerts_untold++;
		return VR_OK;
	}
	f->counts.alerts++;
	return vr_diff_alert_keep(f, a, side == VR_DIFF_SHADOW);
}

static enum vr_err compare(struct vr_diff *f, const struct bounds *b, struct vr_diff_alerts side[VR_DIFF_SIDES], struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	size_t i = 0, k = 0;
	for (int s = 0; s < VR_DIFF_SIDES; s++)
		if (side[s].n)
			qsort(side[s].at, side[s].n, sizeof(side[s].at[0]), vr_diff_alert_order);
	while ((i < side[0].n || k < side[1].n) && !err) {
		int order = i == side[0].n ? 1 : k == side[1].n ? -1 : vr_diff_alert_order(&side[0].at[i], &side[1].at[k]);
		f->counts.alerts += order == 0;
		if (order < 0)
			err = single(f, b, &side[0].at[i], VR_DIFF_LIVE, d);
		else if (order > 0)
			err = single(f, b, &side[1].at[k], VR_DIFF_SHADOW, d);
		i += order <= 0;
		k += order >= 0;
	}
	if (f->alert.n)
		qsort(f->alert.at, f->alert.n, sizeof(f->alert.at[0]), by_time);
	return err;
}

enum vr_err vr_diff_alerts(struct vr_diff *f, struct vr_diag *d)
{
	size_t n = f->n_parts + 1;
	struct vr_diff_alerts side[VR_DIFF_SIDES] = {{.n = 0}};
	struct bounds b = {.silent = calloc(n, sizeof(int64_t)), .base = calloc(n, sizeof(int64_t))};
	bool room = b.silent && b.base;
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		b.off[i] = calloc(n, sizeof(int64_t));
		b.stream[i] = calloc(n, sizeof(struct vr_wall));
		room = room && b.off[i] && b.stream[i];
	}
	/* First how far each side was, then what it told: what is told later only adds to what need not match. */
	enum vr_err err = room ? read_bounds(f, &b, d) : VR_E_NOMEM;
	if (!err)
		err = find_kept(f, &b, d);
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++)
		err = read_stream(f, i == VR_DIFF_SHADOW, &side[i], d);
	if (!err)
		err = compare(f, &b, side, d);
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		free(side[i].at);
		free(b.off[i]);
		free(b.stream[i]);
	}
	free(b.silent);
	free(b.base);
	return err;
}
