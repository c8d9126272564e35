/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "peers.h"
#include "virality/diff.h"

enum { AGAIN_MS = 500 };

struct diff_run {
	struct vr_ctl_peers peers;
	uint64_t n;
	bool json;
	struct vr_span wait;
};

#define AT(field) offsetof(struct diff_run, field)
static const struct vr_ctl_option options[] = {
	{"number", 'n', VR_CTL_WHOLE, AT(n), "N", "how many of each kind to show, the largest first (20)", 1, 10000, 0},
	{"wait", 0, VR_CTL_SPAN, AT(wait), "SPAN", "how long to wait for what live has gone on with (5s)", 0, 0, 0},
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
};

/* Somebody may be filling the generation, and get to where live is. */
static bool wait_again(void *ctx, uint64_t left)
{
	struct diff_run *run = ctx;

	(void)left;
	if (run->wait.ms <= 0)
		return false;
	run->wait.ms -= AGAIN_MS;
	return !vr_ctl_wait((struct vr_span){AGAIN_MS});
}

static enum vr_ctl_exit diff(struct diff_run *run, const char *name)
{
	struct vr_redis_config redis = vr_ctl_peers_redis(&run->peers, VR_CTL_LIVE);
	struct vr_redis *r = NULL;
	struct vr_diff *found = NULL;
	struct vr_diag d = {0};
	enum vr_err err = vr_redis_new(&redis, &r);
	enum vr_ctl_exit code;

	if (!err) {
		struct vr_diff_config config = {.config = run->peers.config, .redis = vr_redis_link(r), .name = name,
			.show = (uint32_t)run->n, .again = wait_again, .ctx = run};

		err = vr_diff_run(&config, &found, &d);
	}
	if (err) {
		code = vr_ctl_fail(err, &d);
	} else {
		vr_diff_print(found, stdout, run->json);
		code = vr_diff_is_none(found) ? VR_CTL_OK : VR_CTL_FAILED;
	}
	vr_diff_free(found);
	vr_redis_free(r);
	return code;
}

static enum vr_ctl_exit run_diff(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct diff_run run = {.n = 20, .wait = {5000}};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands rest;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &rest, &code))
		return code;
	if (rest.n > 1)
		return vr_ctl_misuse(self, "\"%s\" is not expected", rest.at[1]);
	code = vr_ctl_peers_load(&run.peers);
	if (!code) {
		vr_ctl_clock_start();
		code = vr_ctl_finish(diff(&run, rest.n ? rest.at[0] : NULL));
	}
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_diff_command = {
	.name = "diff",
	.operands = "[NAME]",
	.summary = "Show what would change if generation NAME became live; on a clean history: no difference.",
	.details = "Contents are compared where both sides hold the same records, every field at the same moment, by the\n"
		   "code that shows them; channels where partitions stand at the same offset; alerts by their ids.\n"
		   "Exit code 0: no difference; 1: there are differences.",
	.run = run_diff,
};
