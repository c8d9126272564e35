/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rig.h - a client under test with its memory; asserts with cmocka.   A test opens, uses, closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "virality/redis.h"

struct rig {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_cmds cmds;
	struct vr_replies replies;
	struct vr_diag diag;
	struct vr_redis *redis;
	struct vr_link link;
};

static inline void rig_open(struct rig *g, const struct vr_redis_config *config)
{
	*g = (struct rig){.mem = vr_mem_heap()};
	vr_arena_init(&g->arena, &g->mem, 0);
	vr_cmds_init(&g->cmds, &g->mem);
	assert_int_equal(vr_redis_new(config, &g->redis), VR_OK);
	g->link = vr_redis_link(g->redis);
}

static inline void rig_open_unix(struct rig *g, const char *path, int64_t timeout_ms)
{
	rig_open(g, &(struct vr_redis_config){.unix_path = vr_str_c(path), .timeout = {timeout_ms}});
}

static inline void rig_close(struct rig *g)
{
	vr_redis_free(g->redis);
	vr_cmds_done(&g->cmds);
	vr_arena_done(&g->arena);
	assert_int_equal(g->mem.used, 0);
}

/* Send what is in cmds; the replies live until the next time. */
static inline enum vr_err rig_go(struct rig *g)
{
	enum vr_err err;

	vr_arena_reset(&g->arena);
	g->replies = (struct vr_replies){0};
	err = g->link.exchange(g->link.ctx, &g->cmds, &g->arena, &g->replies, &g->diag);
	vr_cmds_clear(&g->cmds);
	return err;
}

#define rig_run(g, ...) (vr_cmd_words(&(g)->cmds, __VA_ARGS__, NULL), rig_go(g))
