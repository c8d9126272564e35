/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

enum { ARENA_CHUNK = 256 * 1024 };

static void init_parts(struct vr_shard *s)
{
	struct vr_mem *mem = s->mem;
	vr_owner_init(&s->owner, &s->keys);
	vr_said_init(&s->said, mem);
	vr_cmds_init(&s->cmds, mem);
	vr_cmds_init(&s->said_cmds, mem);
	vr_cmds_init(&s->repairs, mem);
	vr_writer_init(&s->writer, &s->keys, &s->cmds, mem);
	vr_arena_init(&s->arena, mem, ARENA_CHUNK);
	vr_arena_init(&s->events, mem, ARENA_CHUNK);
	vr_buf_init(&s->scratch, mem);
	vr_buf_init(&s->refused, mem);
	vr_buf_init(&s->taken, mem);
	vr_buf_init(&s->decided, mem);
	vr_buf_init(&s->walk, mem);
	vr_shadow_init(s);
}

enum vr_err vr_shard_new(const struct vr_shard_config *config, const struct vr_world *world, struct vr_mem *mem,
	struct vr_shard **ret, struct vr_diag *d)
{
	struct vr_shard *s = vr_mem_get(mem, sizeof(*s));
	if (!s)
		return VR_E_NOMEM;
	*s = (struct vr_shard){.config = *config, .world = world, .mem = mem};
	if (config->shadow && config->shadow->viewless)
		s->config.engine.views_min_events = UINT32_MAX;
	s->part = (struct vr_topic_part){config->engine.topic, config->engine.partition};
	init_parts(s);
	enum vr_err err = vr_keys_init(&s->keys, config->prefix, s->part.topic, s->part.partition, config->live_db,
		config->alerts_db);
	if (err) {
		vr_shard_free(s);
		return vr_diag_set(d, err, "redis.prefix", "prefix or topic name is too long or has braces");
	}
	*ret = s;
	return VR_OK;
}

void vr_shard_free(struct vr_shard *s)
{
	if (!s)
		return;
	struct vr_mem *mem = s->mem;
	vr_shard_drop(s);
	vr_said_done(&s->said);
	vr_cmds_done(&s->cmds);
	vr_cmds_done(&s->said_cmds);
	vr_cmds_done(&s->repairs);
	vr_writer_done(&s->writer);
	vr_arena_done(&s->arena);
	vr_arena_done(&s->events);
	vr_buf_done(&s->scratch);
	vr_buf_done(&s->refused);
	vr_buf_done(&s->taken);
	vr_buf_done(&s->decided);
	vr_buf_done(&s->walk);
	vr_shadow_done(s);
	vr_mem_put(mem, s, sizeof(*s));
}

void vr_shard_drop(struct vr_shard *s)
{
	vr_engine_free(s->engine);
	s->engine = NULL;
	s->owner.held = false;
}

/* ------------------------------------------------ standing still ------------------------ */

static void ask_token(struct vr_shard *s)
{
	vr_cmd(&s->cmds, 3, "HGET");
	vr_key_own(&s->cmds, &s->keys, "own");
	vr_cmd_c(&s->cmds, "token");
}

/* True: it is another one than at the stop. */
static bool note_token(struct vr_shard *s, const struct vr_reply *token)
{
	char now[VR_TOKEN_LEN + 1] = "";
	if (token->type == VR_REPLY_ERROR)
		return false;
	if (token->type == VR_REPLY_STR && token->str.n == VR_TOKEN_LEN)
		memcpy(now, token->str.p, VR_TOKEN_LEN);
	bool changed = s->stop_noted && memcmp(now, s->stop_token, sizeof(now)) != 0;
	memcpy(s->stop_token, now, sizeof(now));
	s->stop_noted = true;
	return changed;
}

void vr_shard_tell_stop(struct vr_shard *s, enum vr_err err, const char *text)
{
	struct vr_replies replies;
	vr_cmds_clear(&s->cmds);
	vr_cmd(&s->cmds, 10, "HSET");
	vr_key_own(&s->cmds, &s->keys, "stop");
	vr_cmd_c(&s->cmds, "err");
	vr_cmd_c(&s->cmds, vr_err_name(err));
	vr_cmd_c(&s->cmds, "text");
	vr_cmd_c(&s->cmds, text);
	vr_cmd_c(&s->cmds, "since_ms");
	vr_cmd_i64(&s->cmds, s->world->wall(s->world->ctx).ms);
	vr_cmd_c(&s->cmds, "offset");
	vr_cmd_i64(&s->cmds, s->record.off);
	ask_token(s);
	/* That it stands is in the log and the metrics too; a Redis that is away does not change it. */
	s->stop_noted = false;
	if (vr_shard_exchange(s, &replies, NULL))
		vr_cmds_clear(&s->cmds);
	else
		note_token(s, &replies.at[1]);
}

bool vr_shard_accepted(struct vr_shard *s)
{
	struct vr_replies replies;
	vr_cmds_clear(&s->cmds);
	vr_cmd(&s->cmds, 2, "EXISTS");
	vr_key_own(&s->cmds, &s->keys, "accept");
	ask_token(s);
	if (vr_shard_exchange(s, &replies, NULL))
		return false;
	bool changed = note_token(s, &replies.at[1]);
	return changed || (replies.at[0].type == VR_REPLY_INT && replies.at[0].integer > 0);
}
