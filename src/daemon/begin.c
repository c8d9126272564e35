/* SPDX-License-Identifier: Apache-2.0 */
#include "begin.h"

#include "virality/talk.h"

enum { TIMEOUT_MS = 10000 };

static enum vr_err first_offset(const struct vr_config *c, struct vr_group *group, const struct vr_topic_part *part, int64_t *ret)
{
	struct vr_span timeout = {TIMEOUT_MS};
	int64_t first, end;
	if (c->start == VR_START_TIME)
		return vr_kafka_offset_at(group, part, c->start_time, timeout, ret);
	enum vr_err err = vr_kafka_bounds(group, part, timeout, &first, &end);
	if (!err)
		*ret = c->start == VR_START_END ? end : first;
	return err;
}

static enum vr_err put_offsets(const struct vr_config *c, struct vr_group *group, struct vr_cmds *cmds, const struct vr_keys *keys,
	struct vr_str topic, int32_t partitions, struct vr_diag *d)
{
	vr_cmd_words(cmds, "MULTI", NULL);
	vr_cmd(cmds, (uint32_t)(2 + 2 * partitions), "HSET");
	vr_key_begin(cmds, keys, topic);
	for (int32_t i = 0; i < partitions; i++) {
		struct vr_topic_part part = {topic, i};
		int64_t off;
		enum vr_err err = first_offset(c, group, &part, &off);
		if (err)
			return vr_diag_set(d, err, "kafka", "cannot learn where %.*s:%d begins", (int)topic.n, topic.p, i);
		vr_cmd_i64(cmds, i);
		vr_cmd_i64(cmds, off);
	}
	vr_cmd_words(cmds, "EXEC", NULL);
	return VR_OK;
}

enum vr_err vr_begin_write(const struct vr_config *c, struct vr_group *group, const struct vr_link *redis, const struct vr_keys *keys,
	struct vr_str topic, int32_t partitions, struct vr_diag *d)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_talk t;
	vr_talk_open(&t, redis, &mem);
	/* Two daemons at their first start: whoever is second finds the key, or an aborted EXEC; both are fine. */
	vr_cmd(&t.cmds, 2, "WATCH");
	vr_key_begin(&t.cmds, keys, topic);
	vr_cmd(&t.cmds, 2, "EXISTS");
	vr_key_begin(&t.cmds, keys, topic);
	enum vr_err err = vr_talk_ask(&t, d);
	bool there = !err && t.r.at[1].integer > 0;
	if (there)
		vr_cmd_words(&t.cmds, "UNWATCH", NULL);
	else if (!err)
		err = put_offsets(c, group, &t.cmds, keys, topic, partitions, d);
	if (!err)
		err = vr_talk_ask(&t, d);
	vr_talk_close(&t);
	return err;
}
