/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into replies. */
#include "virality/redis.h"

#define I64_CHARS_MAX 20

bool vr_reply_i64(const struct vr_reply *r, int64_t *ret)
{
	bool minus;
	uint64_t v = 0, max;
	size_t i;

	if (r->type == VR_REPLY_INT) {
		*ret = r->integer;
		return true;
	}
	if (r->type != VR_REPLY_STR || r->str.n == 0 || r->str.n > I64_CHARS_MAX)
		return false;
	minus = r->str.p[0] == '-';
	max = (uint64_t)INT64_MAX + minus;
	if (r->str.n == (minus ? 1U : 0U))
		return false;
	for (i = minus; i < r->str.n; i++) {
		unsigned digit = (unsigned)(unsigned char)r->str.p[i] - '0';
		if (digit > 9 || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

const struct vr_reply *vr_reply_field(const struct vr_reply *flat, const char *name)
{
	struct vr_str want = vr_str_c(name);

	if (flat->type != VR_REPLY_ARRAY)
		return NULL;
	for (size_t i = 0; i + 1 < flat->n; i += 2)
		if (flat->elem[i].type == VR_REPLY_STR && vr_str_eq(flat->elem[i].str, want))
			return &flat->elem[i + 1];
	return NULL;
}

struct vr_str vr_reply_field_str(const struct vr_reply *flat, const char *name)
{
	const struct vr_reply *r = vr_reply_field(flat, name);

	return r && r->type == VR_REPLY_STR ? r->str : VR_STR("");
}

int64_t vr_reply_field_i64(const struct vr_reply *flat, const char *name)
{
	const struct vr_reply *r = vr_reply_field(flat, name);
	int64_t v = 0;

	return r && vr_reply_i64(r, &v) ? v : 0;
}

int64_t vr_reply_elem_i64(const struct vr_reply *list, size_t i)
{
	int64_t v = 0;

	return list->type == VR_REPLY_ARRAY && i < list->n && vr_reply_i64(&list->elem[i], &v) ? v : 0;
}
