/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

static enum vr_err keys_of(const struct vr_config *c, struct vr_keys *ret)
{
	return vr_keys_init(ret, c->redis_prefix, VR_STR(""), 0, (int)c->redis_live_db, (int)c->redis_alerts_db);
}

enum vr_err vr_diff_spare(const struct vr_config *config, struct vr_link redis, char *out, struct vr_diag *d)
{
	struct vr_keys keys;
	struct vr_generation g = {.made = false};
	enum vr_err err = keys_of(config, &keys);
	if (!err)
		err = vr_generation_read(&redis, &keys, (int)config->redis_spare_db, &g, d);
	if (!err)
		memcpy(out, g.name, sizeof(g.name));
	vr_generation_done(&g);
	return err;
}

enum vr_err vr_diff_discard(const struct vr_config *config, struct vr_link redis, const char *name, struct vr_diag *d)
{
	struct vr_keys keys;
	enum vr_err err = keys_of(config, &keys);
	return err ? err : vr_generation_discard(&redis, &keys, (int)config->redis_spare_db, vr_str_c(name), d);
}
