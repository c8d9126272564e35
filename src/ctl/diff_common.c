/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_common.h"

#include "virality/diff.h"

enum vr_ctl_exit vr_ctl_diff(struct vr_ctl_peers *p, const char *name, uint32_t show, bool json,
	bool (*again)(void *ctx, uint64_t left), void *ctx)
{
	struct vr_redis_config redis = vr_ctl_peers_redis(p, VR_CTL_LIVE);
	struct vr_redis *r = NULL;
	struct vr_diff *diff = NULL;
	struct vr_diag d = {0};
	enum vr_err err = vr_redis_new(&redis, &r);
	enum vr_ctl_exit code;

	if (!err) {
		struct vr_diff_config config = {.config = p->config, .redis = vr_redis_link(r), .name = name, .show = show,
			.again = again, .ctx = ctx};

		err = vr_diff_run(&config, &diff, &d);
	}
	if (err) {
		code = vr_ctl_fail(err, &d);
	} else {
		vr_diff_print(diff, stdout, json);
		code = vr_diff_is_none(diff) ? VR_CTL_OK : VR_CTL_FAILED;
	}
	vr_diff_free(diff);
	vr_redis_free(r);
	return code;
}
