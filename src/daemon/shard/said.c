/* SPDX-License-Identifier: Apache-2.0 */
#include "said.h"

#include <math.h>
#include <stdlib.h>

void vr_said_init(struct vr_said *s, struct vr_mem *mem) { *s = (struct vr_said){.mem = mem}; }

void vr_said_done(struct vr_said *s)
{
	vr_mem_put(s->mem, s->announced, s->cap * sizeof(s->announced[0]));
	*s = (struct vr_said){.mem = s->mem};
}

struct vr_said_id *vr_said_find(const struct vr_said *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->announced[i].id, id, VR_ALERT_ID_LEN) == 0)
			return &s->announced[i];
	return NULL;
}

static enum vr_err add(struct vr_said *s, const char *id, bool firing)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		void *p = vr_mem_resize(s->mem, s->announced, s->cap * sizeof(s->announced[0]), cap * sizeof(s->announced[0]));
		if (!p)
			return VR_E_NOMEM;
		s->announced = p;
		s->cap = cap;
	}
	struct vr_said_id *a = &s->announced[s->n++];
	memcpy(a->id, id, VR_ALERT_ID_LEN);
	a->id[VR_ALERT_ID_LEN] = '\0';
	a->firing = firing;
	return VR_OK;
}

static enum vr_err read_field(struct vr_said *s, struct vr_str name, const struct vr_reply *value)
{
	if (vr_str_eq(name, VR_STR("off")))
		return vr_reply_i64(value, &s->off) ? VR_OK : VR_E_CORRUPT;
	if (vr_str_eq(name, VR_STR("dlq_off")))
		return vr_reply_i64(value, &s->dlq_off) ? VR_OK : VR_E_CORRUPT;
	if (vr_str_eq(name, VR_STR("silent")))	/* for who compares: below it not everything was announced */
		return VR_OK;
	if (name.n == 2 + VR_ALERT_ID_LEN && name.p[0] == 'a' && name.p[1] == ':')
		return add(s, name.p + 2, vr_str_eq(value->str, VR_STR("firing")));
	return VR_E_CORRUPT;
}

enum vr_err vr_said_read(struct vr_said *s, const struct vr_reply *flat)
{
	s->n = 0;
	s->off = s->dlq_off = 0;
	if (flat->type != VR_REPLY_ARRAY)
		return VR_E_CORRUPT;
	for (size_t i = 0; i + 1 < flat->n; i += 2) {
		enum vr_err err = read_field(s, flat->elem[i].str, &flat->elem[i + 1]);
		if (err)
			return err;
	}
	return VR_OK;
}

static void field_name(struct vr_cmds *c, const char *id)
{
	char name[2 + VR_ALERT_ID_LEN + 1] = "a:";
	memcpy(name + 2, id, VR_ALERT_ID_LEN);
	name[2 + VR_ALERT_ID_LEN] = '\0';
	vr_cmd_c(c, name);
}

static void forget(struct vr_said *s, const struct vr_keys *k, const char *id, struct vr_cmds *c)
{
	struct vr_said_id *a = vr_said_find(s, id);
	if (a)
		*a = s->announced[--s->n];
	vr_cmd(c, 3, "HDEL");
	vr_key_own(c, k, "said");
	field_name(c, id);
}

static void keep(const struct vr_keys *k, const char *id, bool firing, struct vr_cmds *c)
{
	vr_cmd(c, 4, "HSET");
	vr_key_own(c, k, "said");
	field_name(c, id);
	vr_cmd_c(c, firing ? "firing" : "pending");
}

enum vr_err vr_said_alert(struct vr_said *s, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch,
	struct vr_cmds *c, bool *ret_said)
{
	struct vr_said_id *old = vr_said_find(s, a->id);
	bool open = a->state == VR_ALERT_PENDING || a->state == VR_ALERT_FIRING;
	*ret_said = a->at_offset >= s->off && (a->begins || old);
	if (!*ret_said)
		return VR_OK;
	vr_write_alert(c, k, a, scratch);
	if (!open) {
		/* Copied: forget() moves the list under `old`. */
		forget(s, k, a->id, c);
		return VR_OK;
	}
	keep(k, a->id, a->state == VR_ALERT_FIRING, c);
	if (old)
		old->firing = a->state == VR_ALERT_FIRING;
	return old ? VR_OK : add(s, a->id, a->state == VR_ALERT_FIRING);
}

enum vr_err vr_said_adopt(struct vr_said *s, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch, struct vr_cmds *c)
{
	if (a->state != VR_ALERT_PENDING || vr_said_find(s, a->id))
		return VR_OK;
	vr_write_alert(c, k, a, scratch);
	keep(k, a->id, false, c);
	return add(s, a->id, false);
}

/* ------------------------------------------------ an alert that the fold no longer knows -- */

static double value_of(const struct vr_reply *hash, const char *name)
{
	struct vr_str s = vr_reply_field_str(hash, name);
	return s.n ? strtod(s.p, NULL) : NAN;
}

/* What `vir:alert:<id>` holds, as the resolved state that follows it. */
static struct vr_alert resolved_of(const struct vr_reply *hash, const char *id, struct vr_wall now)
{
	struct vr_alert a = {
		.alertname = vr_reply_field_str(hash, "alertname"), .severity = vr_reply_field_str(hash, "severity"), .content_id = vr_reply_field_str(hash, "content_id"),
		.channel = vr_reply_field_str(hash, "channel"), .title = vr_reply_field_str(hash, "title"), .labels = vr_reply_field_str(hash, "labels"),
		.annotations = vr_reply_field_str(hash, "annotations"), .topic = vr_reply_field_str(hash, "topic"),
		.partition = (int32_t)vr_reply_field_i64(hash, "partition"), .state = VR_ALERT_RESOLVED, .reason = VR_REASON_SWITCH,
		.was_firing = true, .value = value_of(hash, "value"), .threshold = value_of(hash, "threshold"),
		.starts = {vr_reply_field_i64(hash, "starts_ms")}, .ends = now, .updated = now, .offset = vr_reply_field_i64(hash, "offset"),
		.rule_version = strtoull(vr_reply_field_str(hash, "rule_version").n ? vr_reply_field_str(hash, "rule_version").p : "0", NULL, 16)};
	memcpy(a.id, id, sizeof(a.id));
	return a;
}

void vr_said_gone(struct vr_said *s, const struct vr_keys *k, const char *id, const struct vr_reply *hash, struct vr_wall now,
	struct vr_buf *scratch, struct vr_cmds *c)
{
	const struct vr_said_id *noted = vr_said_find(s, id);
	char copy[VR_ALERT_ID_LEN + 1];		/* the list's own text moves when the id goes */
	memcpy(copy, id, VR_ALERT_ID_LEN);
	copy[VR_ALERT_ID_LEN] = '\0';
	struct vr_wall last = {vr_reply_field_i64(hash, "updated_ms")};	/* it does not end before what was said of it */
	struct vr_alert a = resolved_of(hash, copy, vr_wall_max(now, last));
	a.was_firing = noted && noted->firing && a.alertname.n > 0;
	vr_write_alert(c, k, &a, scratch);
	forget(s, k, copy, c);
}

void vr_said_raise(struct vr_said *s, const struct vr_keys *k, int64_t off, struct vr_cmds *c)
{
	if (off <= s->off && off <= s->dlq_off)
		return;
	s->off = off > s->off ? off : s->off;
	s->dlq_off = off > s->dlq_off ? off : s->dlq_off;
	vr_cmd(c, 6, "HSET");
	vr_key_own(c, k, "said");
	vr_cmd_c(c, "off");
	vr_cmd_i64(c, s->off);
	vr_cmd_c(c, "dlq_off");
	vr_cmd_i64(c, s->dlq_off);
}
