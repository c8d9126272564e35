/* SPDX-License-Identifier: Apache-2.0 */
#include "part.h"
#include "show.h"

enum vr_err vr_ctl_part_read(struct vr_ctl_peers *p, struct vr_str topic, int32_t partition,
	struct vr_ctl_part *ret, struct vr_diag *d)
{
	static const char *const names[] = {"own", "stop", "accept"};
	const struct vr_config *config = p->config;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	enum vr_err err;

	*ret = (struct vr_ctl_part){.topic = topic, .partition = partition};
	err = vr_keys_init(&ret->keys, config->redis_prefix, topic, partition, (int)config->redis_live_db,
		(int)config->redis_alerts_db);
	if (err)
		return vr_diag_set(d, err, "topic", "%.*s: too long, or with braces", (int)topic.n, topic.p);
	for (size_t i = 0; i < 3; i++) {
		vr_cmd(c, 2, "HGETALL");
		vr_key_own(c, &ret->keys, names[i]);
	}
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, d);
	if (err)
		return err;
	ret->own = &r.at[0];
	ret->stop = &r.at[1];
	ret->accept = &r.at[2];
	ret->err = vr_ctl_field(ret->stop, "err");
	ret->text = vr_ctl_field(ret->stop, "text");
	return VR_OK;
}
