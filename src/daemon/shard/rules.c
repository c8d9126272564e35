/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - which set of rules judges, and from which record on. */
#include "parts.h"

enum vr_err vr_shard_take_rules(struct vr_shard *s, const struct vr_rules *rules, uint32_t no, int64_t off)
{
	struct vr_taken_rules taken = {no, off};
	enum vr_err err = vr_engine_rules(s->engine, rules, no, off);
	vr_buf_add(&s->taken, &taken, sizeof(taken));
	s->record.rules = no;
	vr_shard_note(s, VR_NOTE_RULES, VR_OK, no, "");
	return s->taken.failed ? VR_E_NOMEM : err;
}

/* The list only grows: whoever has not read its end yet does not go back to what he knows. What was decided before a
 * switch was decided with the set that is stored; a newer one is taken up behind it. */
enum vr_err vr_shard_follow_rules(struct vr_shard *s)
{
	uint32_t no = s->record.rules;
	if (s->record.off < s->record.decided)
		return VR_OK;
	const struct vr_rules *rules = s->world->rules(s->world->ctx, 0, &no);
	if (!rules || no <= s->record.rules)
		return VR_OK;
	return vr_shard_take_rules(s, rules, no, s->record.off);
}
