/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/json.h"

/* The letter after the backslash, 'u' for the long form, 0 for a byte that stands for itself. */
static char escape_of(unsigned char c)
{
	static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c == '"' || c == '\\')
		return (char)c;
	if (c >= 0x20)
		return '\0';
	return c < sizeof(shorts) && shorts[c] ? shorts[c] : 'u';
}

static void add_escaped(struct vr_buf *b, unsigned char c, char letter)
{
	static const char hex[] = "0123456789abcdef";

	vr_buf_byte(b, '\\');
	vr_buf_byte(b, (unsigned char)letter);
	if (letter != 'u')
		return;
	vr_buf_c(b, "00");
	vr_buf_byte(b, (unsigned char)hex[c >> 4]);
	vr_buf_byte(b, (unsigned char)hex[c & 15]);
}

void vr_json_string(struct vr_buf *b, struct vr_str s)
{
	size_t from = 0;

	vr_buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char letter = escape_of((unsigned char)s.p[i]);
		if (!letter)
			continue;
		vr_buf_add(b, s.p + from, i - from);
		add_escaped(b, (unsigned char)s.p[i], letter);
		from = i + 1;
	}
	if (s.n > from)
		vr_buf_add(b, s.p + from, s.n - from);
	vr_buf_byte(b, '"');
}

static void begin_member(struct vr_buf *b, const char *name)
{
	vr_buf_c(b, ",\"");
	vr_buf_c(b, name);
	vr_buf_c(b, "\":");
}

void vr_json_member_str(struct vr_buf *b, const char *name, struct vr_str text)
{
	begin_member(b, name);
	vr_json_string(b, text);
}

void vr_json_member_i64(struct vr_buf *b, const char *name, int64_t v)
{
	begin_member(b, name);
	vr_buf_i64(b, v);
}
