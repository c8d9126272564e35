/* SPDX-License-Identifier: Apache-2.0 */
#include "log_line.h"

#include "virality/json.h"
#include "virality/rfc3339.h"

/* ------------------------------------------------ clean text -------------------------- */

/* Bytes of the first character when it may be shown as it is, else 0. */
static size_t shown_bytes(struct vr_str s)
{
	for (size_t n = 1; n <= 4 && n <= s.n; n++)
		if (vr_utf8_clean((struct vr_str){s.p, n}))
			return n;
	return 0;
}

void add_clean(struct vr_buf *b, struct vr_str s)
{
	static const char hex[] = "0123456789abcdef";
	while (s.n > 0) {
		size_t n = shown_bytes(s);
		if (n > 0) {
			vr_buf_add(b, s.p, n);
		} else {
			unsigned char c = (unsigned char)s.p[0];
			const char escape[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
			vr_buf_add(b, escape, sizeof(escape));
			n = 1;
		}
		s = (struct vr_str){s.p + n, s.n - n};
	}
}

/* ------------------------------------------------ fields ------------------------------ */

static bool add_topic(struct vr_buf *b, const struct vr_log_about *a)
{
	add_clean(b, a->topic);
	return a->topic.n > 0;
}

static bool add_partition(struct vr_buf *b, const struct vr_log_about *a)
{
	vr_buf_i64(b, a->partition);
	return a->topic.n > 0;
}

static bool add_offset(struct vr_buf *b, const struct vr_log_about *a)
{
	vr_buf_i64(b, a->offset);
	return a->has_offset;
}

static bool add_content(struct vr_buf *b, const struct vr_log_about *a)
{
	add_clean(b, a->content);
	return a->content.n > 0;
}

static bool add_err(struct vr_buf *b, const struct vr_log_about *a)
{
	vr_buf_c(b, vr_err_name(a->err));
	return a->err != VR_OK;
}

static const struct field {
	const char *key, *journal;
	bool number;
	/* Append the value; false: the line is not about such a thing. */
	bool (*add)(struct vr_buf *b, const struct vr_log_about *a);
} fields[] = {
	{"topic", "VIRALD_TOPIC", false, add_topic},
	{"partition", "VIRALD_PARTITION", true, add_partition},
	{"offset", "VIRALD_OFFSET", true, add_offset},
	{"content", "VIRALD_CONTENT", false, add_content},
	{"err", "VIRALD_ERR", false, add_err},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

typedef void put_f(struct vr_buf *b, const struct field *f, struct vr_str value);

static void add_fields(struct vr_buf *b, const struct line *l, put_f *put)
{
	struct vr_buf value;
	if (!l->about)
		return;
	vr_buf_init(&value, b->mem);
	for (size_t i = 0; i < FIELDS; i++) {
		vr_buf_clear(&value);
		if (fields[i].add(&value, l->about))
			put(b, &fields[i], vr_buf_str(&value));
		b->failed |= value.failed;
	}
	vr_buf_done(&value);
}

/* ------------------------------------------------ logfmt ------------------------------ */

static bool is_plain(struct vr_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr("=\"\\", s.p[i]))
			return false;
	return s.n > 0;
}

static void put_logfmt_text(struct vr_buf *b, const char *key, struct vr_str value)
{
	vr_buf_byte(b, ' ');
	vr_buf_c(b, key);
	vr_buf_byte(b, '=');
	if (is_plain(value))
		vr_buf_str_add(b, value);
	else
		vr_json_string(b, value);
}

static void put_logfmt(struct vr_buf *b, const struct field *f, struct vr_str value)
{
	put_logfmt_text(b, f->key, value);
}

void add_logfmt(struct vr_buf *b, const struct line *l)
{
	vr_buf_c(b, "ts=");
	vr_rfc3339_add(b, l->time);
	vr_buf_c(b, " level=");
	vr_buf_c(b, vr_level_name(l->level));
	vr_buf_c(b, " event=");
	vr_buf_c(b, events[l->event].name);
	add_fields(b, l, put_logfmt);
	if (l->suppressed > 0) {
		vr_buf_c(b, " suppressed=");
		vr_buf_u64(b, l->suppressed);
	}
	put_logfmt_text(b, "msg", l->text);
	vr_buf_byte(b, '\n');
}

/* ------------------------------------------------ json -------------------------------- */

static void put_json(struct vr_buf *b, const struct field *f, struct vr_str value)
{
	vr_buf_c(b, ",\"");
	vr_buf_c(b, f->key);
	vr_buf_c(b, "\":");
	if (f->number)
		vr_buf_str_add(b, value);
	else
		vr_json_string(b, value);
}

void add_json(struct vr_buf *b, const struct line *l)
{
	vr_buf_c(b, "{\"ts\":\"");
	vr_rfc3339_add(b, l->time);
	vr_buf_c(b, "\",\"level\":\"");
	vr_buf_c(b, vr_level_name(l->level));
	vr_buf_c(b, "\",\"event\":\"");
	vr_buf_c(b, events[l->event].name);
	vr_buf_byte(b, '"');
	add_fields(b, l, put_json);
	if (l->suppressed > 0) {
		vr_buf_c(b, ",\"suppressed\":");
		vr_buf_u64(b, l->suppressed);
	}
	vr_buf_c(b, ",\"msg\":");
	vr_json_string(b, l->text);
	vr_buf_c(b, "}\n");
}

/* ------------------------------------------------ journal ----------------------------- */

static void put_entry(struct vr_buf *b, const char *key, struct vr_str value)
{
	vr_buf_c(b, key);
	vr_buf_byte(b, '=');
	vr_buf_str_add(b, value);
	vr_buf_byte(b, '\n');
}

static void put_journal(struct vr_buf *b, const struct field *f, struct vr_str value)
{
	put_entry(b, f->journal, value);
}

void add_journal(struct vr_buf *b, const struct line *l)
{
	static const char *const priority[] = {
		[VR_LEVEL_DEBUG] = "7", [VR_LEVEL_INFO] = "6", [VR_LEVEL_WARN] = "4", [VR_LEVEL_ERROR] = "3"};
	put_entry(b, "MESSAGE", l->text);
	put_entry(b, "PRIORITY", vr_str_c(priority[l->level]));
	put_entry(b, "MESSAGE_ID", vr_str_c(events[l->event].id));
	put_entry(b, "SYSLOG_IDENTIFIER", vr_str_c(l->name));
	put_entry(b, "VIRALD_EVENT", vr_str_c(events[l->event].name));
	add_fields(b, l, put_journal);
	if (l->suppressed > 0) {
		vr_buf_c(b, "VIRALD_SUPPRESSED=");
		vr_buf_u64(b, l->suppressed);
		vr_buf_byte(b, '\n');
	}
}
