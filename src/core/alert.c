/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "virality/alert.h"
#include "virality/buf.h"
#include "virality/err.h"
#include "virality/hash.h"
#include "virality/json.h"
#include "virality/rules.h"

/* Name up to 128, version 16, entity up to 264, topic up to 249, three numbers of up to 20, six NUL. */
#define ID_BYTES_MAX 1024U
#define HEX_DIGITS   16

const char *vr_alert_state_name(enum vr_alert_state s)
{
	static const char *const names[] = {
		[VR_ALERT_INACTIVE] = "inactive",
		[VR_ALERT_SUPPRESSED] = "suppressed",
		[VR_ALERT_PENDING] = "pending",
		[VR_ALERT_FIRING] = "firing",
		[VR_ALERT_RESOLVED] = "resolved",
	};

	VR_ASSERT((size_t)s < sizeof(names) / sizeof(names[0]));
	return names[s];
}

const char *vr_alert_reason_name(enum vr_alert_reason r)
{
	static const char *const names[] = {
		[VR_REASON_NONE] = "",
		[VR_REASON_FORGOTTEN] = "forgotten",
		[VR_REASON_RULE_REMOVED] = "rule_removed",
		[VR_REASON_SWITCH] = "switch",
	};

	VR_ASSERT((size_t)r < sizeof(names) / sizeof(names[0]));
	return names[r];
}

static void write_hex(uint64_t v, char out[HEX_DIGITS])
{
	for (size_t i = HEX_DIGITS; i > 0; i--, v >>= 4)
		out[i - 1] = "0123456789abcdef"[v & 15];
}

static void add_hex(struct vr_buf *b, uint64_t v)
{
	char hex[HEX_DIGITS];

	write_hex(v, hex);
	vr_buf_add(b, hex, sizeof(hex));
}

/* A field's text as it is in Redis; JSON takes the same and puts quotes around what is a string. */
typedef void field_text_f(const struct vr_alert *a, struct vr_buf *b);
enum field_type { FIELD_STRING, FIELD_NUMBER, FIELD_OBJECT };

#define FIELD(name, append)                                                                                  \
	static void add_##name(const struct vr_alert *a, struct vr_buf *b)                                       \
	{                                                                                                        \
		append;                                                                                              \
	}
FIELD(id, vr_buf_add(b, a->id, strnlen(a->id, VR_ALERT_ID_LEN)))
FIELD(alertname, vr_buf_str_add(b, a->alertname))
FIELD(severity, vr_buf_str_add(b, a->severity))
FIELD(state, vr_buf_c(b, vr_alert_state_name(a->state)))
FIELD(entity, vr_buf_c(b, "content:"); vr_buf_str_add(b, a->content_id))
FIELD(content_id, vr_buf_str_add(b, a->content_id))
FIELD(channel, vr_buf_str_add(b, a->channel))
FIELD(title, vr_buf_str_add(b, a->title))
FIELD(value, vr_value_text(a->value, b))
FIELD(threshold, vr_value_text(a->threshold, b))
FIELD(starts_ms, vr_buf_i64(b, a->starts.ms))
FIELD(ends_ms, vr_buf_i64(b, a->ends.ms))
FIELD(updated_ms, vr_buf_i64(b, a->updated.ms))
FIELD(due_ms, vr_buf_i64(b, a->due.ms))
FIELD(topic, vr_buf_str_add(b, a->topic))
FIELD(partition, vr_buf_i64(b, a->partition))
FIELD(offset, vr_buf_i64(b, a->offset))
FIELD(rule_version, add_hex(b, a->rule_version))
FIELD(reason, vr_buf_c(b, vr_alert_reason_name(a->reason)))
FIELD(labels, vr_buf_str_add(b, a->labels))
FIELD(annotations, vr_buf_str_add(b, a->annotations))
#undef FIELD
/* No rule has steps yet, and a replay does not write here. */
static void add_zero(const struct vr_alert *a, struct vr_buf *b)
{
	(void)a;
	vr_buf_byte(b, '0');
}

static const struct field {
	const char *name;
	enum field_type type;
	field_text_f *add;
} fields[] = {
	{"id", FIELD_STRING, add_id},
	{"alertname", FIELD_STRING, add_alertname},
	{"severity", FIELD_STRING, add_severity},
	{"state", FIELD_STRING, add_state},
	{"step", FIELD_NUMBER, add_zero},
	{"entity", FIELD_STRING, add_entity},
	{"content_id", FIELD_STRING, add_content_id},
	{"channel", FIELD_STRING, add_channel},
	{"title", FIELD_STRING, add_title},
	{"value", FIELD_NUMBER, add_value},
	{"threshold", FIELD_NUMBER, add_threshold},
	{"starts_ms", FIELD_NUMBER, add_starts_ms},
	{"ends_ms", FIELD_NUMBER, add_ends_ms},
	{"updated_ms", FIELD_NUMBER, add_updated_ms},
	{"topic", FIELD_STRING, add_topic},
	{"partition", FIELD_NUMBER, add_partition},
	{"offset", FIELD_NUMBER, add_offset},
	{"rule_version", FIELD_STRING, add_rule_version},
	{"replay", FIELD_NUMBER, add_zero},
	{"reason", FIELD_STRING, add_reason},
	{"labels", FIELD_OBJECT, add_labels},
	{"annotations", FIELD_OBJECT, add_annotations},
};
static const struct field due_field = {"due_ms", FIELD_NUMBER, add_due_ms};

void vr_alert_fields(const struct vr_alert *a, struct vr_buf *scratch,
	void (*f)(void *ctx, const char *name, struct vr_str text), void *ctx)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		vr_buf_clear(scratch);
		fields[i].add(a, scratch);
		f(ctx, fields[i].name, vr_buf_str(scratch));
	}
}

/* JSON has no number for NaN and infinity, and an object is never empty text. */
static const char *json_instead(const struct field *f, struct vr_str text)
{
	if (f->type == FIELD_OBJECT)
		return text.n == 0 ? "{}" : NULL;
	if (f->type == FIELD_NUMBER && text.n > 0 && (text.p[text.n - 1] == 'N' || text.p[text.n - 1] == 'f'))
		return "null";
	return NULL;
}

static void add_json_field(
	const struct vr_alert *a, const struct field *f, struct vr_buf *text, struct vr_buf *b)
{
	const char *instead;

	vr_json_string(b, vr_str_c(f->name));
	vr_buf_byte(b, ':');
	vr_buf_clear(text);
	f->add(a, text);
	b->failed |= text->failed;
	instead = json_instead(f, vr_buf_str(text));
	if (f->type == FIELD_STRING)
		vr_json_string(b, vr_buf_str(text));
	else if (instead)
		vr_buf_c(b, instead);
	else
		vr_buf_str_add(b, vr_buf_str(text));
}

void vr_alert_json(const struct vr_alert *a, bool with_due, struct vr_buf *b)
{
	struct vr_buf text;

	vr_buf_init(&text, b->mem);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		vr_buf_byte(b, i == 0 ? '{' : ',');
		add_json_field(a, &fields[i], &text, b);
	}
	if (with_due) {
		vr_buf_byte(b, ',');
		add_json_field(a, &due_field, &text, b);
	}
	vr_buf_byte(b, '}');
	vr_buf_done(&text);
}

static void *refuse(void *ctx, void *p, size_t old, size_t size)
{
	(void)ctx, (void)p, (void)old, (void)size;
	return NULL;
}

static void add_part(struct vr_buf *b, struct vr_str s)
{
	vr_buf_str_add(b, s);
	vr_buf_byte(b, '\0');
}

void vr_alert_id(struct vr_str alertname, uint64_t rule_version, struct vr_str entity, struct vr_str topic,
	int32_t partition, struct vr_wall starts, int64_t offset, char ret_id[VR_ALERT_ID_LEN + 1])
{
	char bytes[ID_BYTES_MAX];
	struct vr_mem none = {.resize = refuse};
	struct vr_buf b = {.p = bytes, .cap = sizeof(bytes), .mem = &none};
	struct vr_hash128 h;

	add_part(&b, alertname);
	add_hex(&b, rule_version);
	vr_buf_byte(&b, '\0');
	add_part(&b, entity);
	add_part(&b, topic);
	vr_buf_i64(&b, partition);
	vr_buf_byte(&b, '\0');
	vr_buf_i64(&b, starts.ms);
	vr_buf_byte(&b, '\0');
	vr_buf_i64(&b, offset);
	VR_ASSERT(!b.failed);
	h = vr_hash128(vr_buf_str(&b));
	write_hex(h.hi, ret_id);
	write_hex(h.lo, ret_id + HEX_DIGITS);
	ret_id[VR_ALERT_ID_LEN] = '\0';
}
