/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - the time series of contents as fields: "minute 2026-01-31 05:51 shares" = 7.
 *
 * An entry is written after stream time has left its minute, and never again: minutes that both sides have left, and that
 * neither has trimmed, must be the same. One that is not written yet is in the content's state (show.c), and may be in both.
 * They are many: a few contents at a time. */
#include <stdlib.h>

#include "parts.h"
#include "virality/term.h"
#include "virality/writer.h"

enum { AT_ONCE = 8, PER_CONTENT = 2, MINUTE_MS = 60000 };
enum { THERE, SERIES };

static int64_t start_of(const struct vr_reply *entry) { return strtoll(entry->elem[0].str.p, NULL, 10); }

/* Of a side that has trimmed: its oldest minute. The newest entry is the first. */
static int64_t oldest_of(const struct vr_reply *series)
{
	return series->n < VR_TS_MAXLEN ? INT64_MIN : start_of(&series->elem[series->n - 1]);
}

enum vr_err vr_diff_minute(struct vr_diff *f, const struct vr_diff_part *p, int side, struct vr_str id, int64_t start,
	struct vr_str name, struct vr_str value)
{
	const struct vr_wall *stream = p->stream;
	int64_t left = stream[VR_DIFF_LIVE].ms < stream[VR_DIFF_SHADOW].ms ? stream[VR_DIFF_LIVE].ms : stream[VR_DIFF_SHADOW].ms;
	char text[80];
	if (start + MINUTE_MS > left)
		return VR_OK;
	struct vr_str time = vr_ctl_time(&f->texts, start);
	int n = snprintf(text, sizeof(text), "minute %.*s %.*s", (int)(time.n < 16 ? time.n : 16), time.p, (int)name.n, name.p);
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	return vr_diff_item(f, side, VR_VIEWS, id, (struct vr_str){text, (size_t)n}, value);
}

static enum vr_err add_entry(struct vr_diff *f, const struct vr_diff_part *p, int side, struct vr_str id, const struct vr_reply *entry)
{
	const struct vr_reply *fields = &entry->elem[1];
	enum vr_err err = VR_OK;
	for (size_t i = 0; i + 1 < fields->n && !err; i += 2)
		err = vr_diff_minute(f, p, side, id, start_of(entry), fields->elem[i].str, fields->elem[i + 1].str);
	return err;
}

/* got: of each side the content's state is there; its series, newest first. */
static enum vr_err add_series(struct vr_diff *f, const struct vr_diff_part *p, struct vr_str id, const struct vr_reply *const got[VR_DIFF_SIDES])
{
	int64_t first = oldest_of(&got[VR_DIFF_LIVE][SERIES]), other = oldest_of(&got[VR_DIFF_SHADOW][SERIES]);
	enum vr_err err = VR_OK;
	first = other > first ? other : first;
	if (!got[VR_DIFF_LIVE][THERE].integer || !got[VR_DIFF_SHADOW][THERE].integer)
		return VR_OK;	/* forgotten meanwhile */
	for (int side = 0; side < VR_DIFF_SIDES; side++)
		for (size_t i = 0; i < got[side][SERIES].n && !err; i++)
			if (start_of(&got[side][SERIES].elem[i]) >= first)
				err = add_entry(f, p, side, id, &got[side][SERIES].elem[i]);
	return err;
}

static void ask(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_str *id, size_t n)
{
	struct vr_cmds *c = &f->series.cmds;
	vr_cmd_words(c, "MULTI", NULL);
	for (int side = 0; side < VR_DIFF_SIDES; side++) {
		vr_cmd_select(c, f->db[side]);
		for (size_t i = 0; i < n; i++) {
			vr_cmd(c, 2, "EXISTS");
			vr_key_slot(c, &p->keys, VR_SLOT_CONTENT, id[i]);
			vr_cmd(c, 6, "XREVRANGE");
			vr_key_content(c, &f->keys, id[i], ":ts");
			vr_cmd_c(c, "+");
			vr_cmd_c(c, "-");
			vr_cmd_c(c, "COUNT");
			vr_cmd_i64(c, VR_TS_MAXLEN);
		}
	}
	vr_cmd_select(c, f->db[VR_DIFF_LIVE]);
	vr_cmd_words(c, "EXEC", NULL);
}

static enum vr_err read_some(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_str *id, size_t n, struct vr_diag *d)
{
	size_t side = 1 + PER_CONTENT * n;
	ask(f, p, id, n);
	enum vr_err err = vr_diff_ask(f, &f->series, d);
	if (err)
		return err;
	const struct vr_reply *exec = &f->series.r.at[f->series.r.n - 1];
	if (exec->type != VR_REPLY_ARRAY || exec->n != 2 * side + 1)
		return vr_diag_set(d, VR_E_REPLY, "redis", "EXEC did not answer with what was asked");
	for (size_t i = 0; i < n && !err; i++) {
		const struct vr_reply *const got[VR_DIFF_SIDES] = {exec->elem + 1 + PER_CONTENT * i, exec->elem + side + 1 + PER_CONTENT * i};
		err = add_series(f, p, id[i], got);
	}
	return err;
}

enum vr_err vr_diff_series(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n, struct vr_diag *d)
{
	struct vr_str id[AT_ONCE];
	size_t k = 0;
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		if (state[i].series)
			id[k++] = state[i].id;
		if (k < AT_ONCE)
			continue;
		err = read_some(f, p, id, k, d);
		k = 0;
	}
	return err || k == 0 ? err : read_some(f, p, id, k, d);
}
