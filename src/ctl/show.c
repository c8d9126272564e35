/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include "show.h"
#include "virality/json.h"

enum what { TEXT, OBJECT, NUMBER };

/* Fields of the contract that are not numbers, whatever they look like. */
static const struct { const char *name; enum what what;
} fields[] = {
	{"content_id", TEXT},
	{"title", TEXT},
	{"content_type", TEXT},
	{"url", TEXT},
	{"author_id", TEXT},
	{"channel_top", TEXT},
	{"home", TEXT},
	{"id", TEXT},
	{"alertname", TEXT},
	{"severity", TEXT},
	{"state", TEXT},
	{"entity", TEXT},
	{"channel", TEXT},
	{"topic", TEXT},
	{"rule_version", TEXT},
	{"reason", TEXT},
	{"version", TEXT},
	{"generation", TEXT},
	{"stream_id", TEXT},
	{"token", TEXT},
	{"cluster_id", TEXT},
	{"group", TEXT},
	{"err", TEXT},
	{"text", TEXT},
	{"last_hash", TEXT},
	{"what", TEXT},
	{"by", TEXT},
	{"labels", OBJECT},
	{"annotations", OBJECT},
};

static enum what what_is(struct vr_str name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (vr_str_eq(name, vr_str_c(fields[i].name)))
			return fields[i].what;
	return NUMBER;
}

static size_t skip_digits(struct vr_str s, size_t i)
{
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i;
}

/* A plain decimal, which is a JSON number as it stands. */
static bool is_number(struct vr_str s)
{
	size_t from = s.n && s.p[0] == '-' ? 1 : 0, i = skip_digits(s, from), end;

	if (i == from || (i > from + 1 && s.p[from] == '0'))
		return false;
	if (i == s.n)
		return true;
	end = s.p[i] == '.' ? skip_digits(s, i + 1) : i;
	return end == s.n && end > i + 1;
}

static bool is_object(struct vr_str s)
{
	json_t *json = json_loadb(s.p, s.n, 0, NULL);
	bool yes = json_is_object(json);

	json_decref(json);
	return yes;
}

/* Bytes that are no UTF-8 would make the whole line unreadable. */
static void add_text(struct vr_buf *b, struct vr_str s)
{
	struct vr_buf mended;

	if (vr_utf8_valid(s)) {
		vr_json_string(b, s);
		return;
	}
	vr_buf_init(&mended, b->mem);
	for (size_t i = 0; i < s.n; i++) {
		struct vr_str one = {s.p + i, 1};

		vr_buf_str_add(&mended, vr_utf8_valid(one) ? one : VR_STR("\xef\xbf\xbd"));
	}
	vr_json_string(b, vr_buf_str(&mended));
	b->failed = b->failed || mended.failed;
	vr_buf_done(&mended);
}

void vr_ctl_json_value(struct vr_buf *b, struct vr_str name, struct vr_str value)
{
	enum what what = what_is(name);

	if ((what == NUMBER && is_number(value)) || (what == OBJECT && is_object(value)))
		vr_buf_str_add(b, value);
	else
		add_text(b, value);
}

void vr_ctl_json_pairs(struct vr_buf *b, const struct vr_reply *flat)
{
	for (size_t i = 0; i + 1 < flat->n; i += 2) {
		if (i)
			vr_buf_byte(b, ',');
		add_text(b, flat->elem[i].str);
		vr_buf_byte(b, ':');
		vr_ctl_json_value(b, flat->elem[i].str, flat->elem[i + 1].str);
	}
}

void vr_ctl_json_hash(struct vr_buf *b, const struct vr_reply *flat)
{
	vr_buf_byte(b, '{');
	vr_ctl_json_pairs(b, flat);
	vr_buf_byte(b, '}');
}

struct vr_str vr_ctl_field(const struct vr_reply *flat, const char *name)
{
	const struct vr_reply *r = vr_reply_field(flat, name);

	return r && r->type == VR_REPLY_STR ? r->str : (struct vr_str){0};
}

int64_t vr_ctl_field_number(const struct vr_reply *flat, const char *name)
{
	const struct vr_reply *r = vr_reply_field(flat, name);
	int64_t n = 0;

	return r && vr_reply_i64(r, &n) ? n : 0;
}

enum vr_err vr_ctl_print_line(struct vr_buf *b)
{
	if (b->failed)
		return VR_E_NOMEM;
	vr_buf_byte(b, '\n');
	(void)fwrite(b->p, 1, b->n, stdout);
	vr_buf_clear(b);
	return VR_OK;
}
