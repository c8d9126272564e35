/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - what a shard says: to Redis, to the world, to a person. */
#include "parts.h"

#include <stdio.h>

enum vr_err vr_shard_exchange(struct vr_shard *s, struct vr_replies *ret, struct vr_diag *d)
{
	if (s->cmds.buf.failed)
		return VR_E_NOMEM;
	vr_arena_reset(&s->arena);
	enum vr_err err = s->world->redis.exchange(s->world->redis.ctx, &s->cmds, &s->arena, ret, d);
	if (err)
		s->owner.held = false;
	vr_cmds_clear(&s->cmds);
	return err;
}

void vr_shard_note(const struct vr_shard *s, enum vr_note note, enum vr_err err, int64_t n, const char *text)
{
	s->world->note(s->world->ctx, &s->part, note, err, n, text);
}

struct vr_way_out vr_shard_way_out(const struct vr_shard *s, const char *what_for, const char *accept)
{
	struct vr_way_out way;
	if (s->config.shadow)
		snprintf(way.text, sizeof(way.text), "Begin the replay anew: virald replay --discard %s", s->config.shadow->name.p);
	else
		snprintf(way.text, sizeof(way.text), "%s: viralctl accept %.*s:%d --%s", what_for, (int)s->part.topic.n, s->part.topic.p,
			s->part.partition, accept);
	return way;
}
