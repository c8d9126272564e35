/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - is live right? A replay by virald, then a diff, then the replay goes again.
 *
 *      virald replay --name audit [--discard audit] ... ─> diff ─ live has gone on ─> virald replay --name audit ─> diff ... */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "diff_common.h"
#include "virality/diff.h"
#include "virality/keys.h"

#define AUDIT_NAME "audit"
enum { ARGS_MAX = 16 + 2 * VR_CTL_WORDS_MAX };

struct audit_run {
	struct vr_ctl_peers peers;
	uint64_t n, rounds;
	const char *from, *to, *virald;
	bool json, keep;
	char program[PATH_MAX];
	const char *arg[ARGS_MAX];
	size_t n_args;
	enum vr_ctl_exit failed;	/* of a replay in between */
};

#define AT(field) offsetof(struct audit_run, field)
static const struct vr_ctl_option options[] = {
	{"from", 0, VR_CTL_TEXT, AT(from), "PLACE", "first record: earliest, a time, -1d, offset:N (earliest)", 0, 0, 0},
	{"to", 0, VR_CTL_TEXT, AT(to), "PLACE", "behind the last record: live, a time, -1h, offset:N (live)", 0, 0, 0},
	{"number", 'n', VR_CTL_WHOLE, AT(n), "N", "how many of each kind to show, the largest first (20)", 1, 10000, 0},
	{"rounds", 0, VR_CTL_WHOLE, AT(rounds), "N", "how often to follow live for contents it has gone on with (5)", 0, 1000, 0},
	{"keep", 0, VR_CTL_FLAG, AT(keep), NULL, "leave the generation \"" AUDIT_NAME "\" in the spare database", 0, 0, 0},
	{"virald", 0, VR_CTL_TEXT, AT(virald), "PROGRAM", "the virald that replays (the one beside viralctl)", 0, 0, 0},
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
};

/* ----------------------------------------------------------------------- the replay -- */

extern char **environ;

/* Beside this program, else wherever the shell would find it. */
static const char *find_virald(struct audit_run *run)
{
	static const char name[] = "virald";
	ssize_t n = readlink("/proc/self/exe", run->program, sizeof(run->program) - sizeof(name));
	char *slash;

	if (run->virald)
		return run->virald;
	if (n <= 0)
		return name;
	run->program[n] = '\0';
	slash = strrchr(run->program, '/');
	memcpy(slash ? slash + 1 : run->program, name, sizeof(name));
	return access(run->program, X_OK) == 0 ? run->program : name;
}

static void add(struct audit_run *run, const char *option, const char *value)
{
	VR_ASSERT(run->n_args + 3 < ARGS_MAX);
	run->arg[run->n_args++] = option;
	if (value)
		run->arg[run->n_args++] = value;
	run->arg[run->n_args] = NULL;
}

/* The settings of this command line are the replay's as well. */
static enum vr_ctl_exit add_settings(struct audit_run *run)
{
	const struct vr_ctl_peers *p = &run->peers;

	if (p->redis || p->brokers || p->topic || p->properties.n)
		return vr_ctl_misuse(NULL, "an audit takes what virald runs with: use --config and --set, not other peers");
	if (p->file)
		add(run, "--config", p->file);
	for (size_t i = 0; i < p->sets.n; i++)
		add(run, "--set", p->sets.at[i]);
	return VR_CTL_OK;
}

static enum vr_ctl_exit run_child(struct audit_run *run)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = 0, err;

	/* What it says of its progress is not the answer. */
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	err = posix_spawnp(&pid, run->arg[0], &actions, NULL, (char *const *)(uintptr_t)run->arg, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (err) {
		vr_ctl_note("%s: %s; --virald names another", run->arg[0], strerror(err));
		return VR_CTL_NO_INPUT;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
		return VR_CTL_OK;
	vr_ctl_note("the replay did not end well; nothing is compared");
	return WIFEXITED(status) ? (enum vr_ctl_exit)WEXITSTATUS(status) : VR_CTL_SOFTWARE;
}

static enum vr_ctl_exit replay(struct audit_run *run, bool anew, bool discard)
{
	enum vr_ctl_exit code;

	run->n_args = 0;
	add(run, find_virald(run), "replay");
	code = add_settings(run);
	if (code)
		return code;
	add(run, "--name", AUDIT_NAME);
	if (anew && run->from)
		add(run, "--from", run->from);
	if (anew && run->to)
		add(run, "--to", run->to);
	if (discard)
		add(run, "--discard", AUDIT_NAME);
	return run_child(run);
}

/* What live has gone on with is compared when the replay is there. */
static bool follow(void *ctx, uint64_t left)
{
	struct audit_run *run = ctx;

	(void)left;
	if (run->rounds == 0 || (run->to && strcmp(run->to, "live") != 0))
		return false;
	run->rounds--;
	run->failed = replay(run, false, false);
	return run->failed == VR_CTL_OK;
}

/* ------------------------------------------------------------------------- the spare -- */

static enum vr_err look(struct audit_run *run, struct vr_redis **ret, bool *ret_old, struct vr_diag *d)
{
	struct vr_redis_config config = vr_ctl_peers_redis(&run->peers, VR_CTL_LIVE);
	char name[VR_GENERATION_MAX + 1] = "";
	enum vr_err err = vr_redis_new(&config, ret);

	if (!err)
		err = vr_diff_spare(run->peers.config, vr_redis_link(*ret), name, d);
	*ret_old = !err && strcmp(name, AUDIT_NAME) == 0;
	return err;
}

static enum vr_ctl_exit audit(struct audit_run *run)
{
	struct vr_redis *redis = NULL;
	struct vr_diag d = {0};
	bool old = false;
	enum vr_err err = look(run, &redis, &old, &d);
	enum vr_ctl_exit code = err ? vr_ctl_fail(err, &d) : replay(run, true, old);

	if (!code)
		code = vr_ctl_diff(&run->peers, AUDIT_NAME, (uint32_t)run->n, run->json, follow, run);
	if (redis && (code == VR_CTL_OK || code == VR_CTL_FAILED) && !run->keep) {
		err = vr_diff_discard(run->peers.config, vr_redis_link(redis), AUDIT_NAME, &d);
		if (err)
			(void)vr_ctl_fail(err, &d);
	}
	vr_redis_free(redis);
	return code ? code : run->failed;
}

static enum vr_ctl_exit run_audit(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct audit_run run = {.n = 20, .rounds = 5};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands rest;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &rest, &code))
		return code;
	if (rest.n)
		return vr_ctl_misuse(self, "\"%s\" is not expected", rest.at[0]);
	code = vr_ctl_peers_load(&run.peers);
	if (!code)
		code = vr_ctl_finish(audit(&run));
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_audit_command = {
	.name = "audit",
	.operands = "",
	.summary = "Prove that what live shows is the log: replay a stretch of it beside live, and compare.",
	.details = "The replay takes the spare database, which must be empty or hold the audit before; afterwards it is\n"
		   "empty again. Exit code 0: no difference; 1: there are differences.",
	.run = run_audit,
};
