/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/keys.h"

static bool append(char *out, size_t size, size_t *n, struct vr_str s)
{
	if (*n + s.n >= size || (s.n && (memchr(s.p, '{', s.n) || memchr(s.p, '}', s.n))))
		return false;
	if (s.n)
		memcpy(out + *n, s.p, s.n);
	*n += s.n;
	return true;
}

static bool append_number(char *out, size_t size, size_t *n, int32_t v)
{
	char digits[12];
	size_t i = sizeof(digits);
	do
		digits[--i] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return append(out, size, n, (struct vr_str){digits + i, sizeof(digits) - i});
}

enum vr_err vr_keys_init(struct vr_keys *k, struct vr_str prefix, struct vr_str topic, int32_t partition, int live_db,
	int alerts_db)
{
	size_t n = 0;
	*k = (struct vr_keys){.live_db = live_db, .alerts_db = alerts_db};
	if (!append(k->prefix_text, sizeof(k->prefix_text), &n, prefix))
		return VR_E_CONFIG;
	k->prefix = (struct vr_str){k->prefix_text, n};
	size_t room = sizeof(k->tag_text) - 3, m = 1;
	k->tag_text[0] = '{';
	bool ok = append(k->tag_text, room, &m, prefix) && append(k->tag_text, room, &m, topic.n ? topic : VR_STR("pub"));
	if (ok && topic.n)
		ok = append(k->tag_text, room, &m, VR_STR(":")) && append_number(k->tag_text, room, &m, partition);
	if (!ok)
		return VR_E_CONFIG;
	k->tag_text[m++] = '}';
	k->tag_text[m++] = ':';
	k->tag = (struct vr_str){k->tag_text, m};
	return VR_OK;
}

void vr_key_own(struct vr_cmds *c, const struct vr_keys *k, const char *name)
{
	vr_cmd_key(c, k->tag, vr_str_c(name), VR_STR(""));
}

void vr_key_slot(struct vr_cmds *c, const struct vr_keys *k, enum vr_slot slot, struct vr_str id)
{
	static const char *const prefix[VR_SLOTS] = {
		[VR_SLOT_CONTENT] = "c:", [VR_SLOT_UNIQUES] = "u:", [VR_SLOT_CHANNELS] = "h:", [VR_SLOT_DEDUP] = "d:"};
	VR_ASSERT(prefix[slot]);
	vr_cmd_key(c, k->tag, vr_str_c(prefix[slot]), id);
}

void vr_key_global(struct vr_cmds *c, const struct vr_keys *k, const char *name)
{
	vr_cmd_key(c, k->prefix, vr_str_c(name), VR_STR(""));
}

/* "c:{id}:ts" in one piece: the longest id and suffix fit. */
static void braced(struct vr_cmds *c, const struct vr_keys *k, const char *kind, struct vr_str id, const char *suffix)
{
	char text[320];
	size_t n = strlen(kind), m = strlen(suffix);
	VR_ASSERT(n + id.n + m + 1 < sizeof(text));
	memcpy(text, kind, n);
	memcpy(text + n, id.p, id.n);
	n += id.n;
	text[n++] = '}';
	memcpy(text + n, suffix, m);
	vr_cmd_key(c, k->prefix, (struct vr_str){text, n + m}, VR_STR(""));
}

void vr_key_content(struct vr_cmds *c, const struct vr_keys *k, struct vr_str id, const char *suffix)
{
	braced(c, k, "c:{", id, suffix);
}

void vr_key_channel(struct vr_cmds *c, const struct vr_keys *k, struct vr_str channel, const char *suffix)
{
	braced(c, k, "ch:{", channel, suffix);
}

void vr_key_begin(struct vr_cmds *c, const struct vr_keys *k, struct vr_str topic)
{
	vr_cmd_key(c, k->prefix, topic, VR_STR(":begin"));
}

void vr_key_replay(struct vr_cmds *c, const struct vr_keys *k, struct vr_str name, const char *suffix)
{
	char text[8 + VR_GENERATION_MAX + 16] = "replay:";
	size_t m = strlen(suffix);
	VR_ASSERT(name.n <= VR_GENERATION_MAX && m < 16);
	memcpy(text + 7, name.p, name.n);
	text[7 + name.n] = ':';
	memcpy(text + 8 + name.n, suffix, m);
	vr_cmd_key(c, k->prefix, (struct vr_str){text, 8 + name.n + m}, VR_STR(""));
}
