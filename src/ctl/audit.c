/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - is live right? What a replay would change tells; this process becomes it.
 *
 *      viralctl audit --from -1d  ->  virald replay --dry-run --from -1d                                            */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"

enum { ARGS_MAX = 16 + 2 * VR_CTL_WORDS_MAX };

struct audit_run {
	struct vr_ctl_peers peers;
	uint64_t n;
	const char *from, *to, *virald;
	bool json;
	char program[PATH_MAX], limit[24];
	const char *arg[ARGS_MAX];
	size_t n_args;
};

#define AT(field) offsetof(struct audit_run, field)
static const struct vr_ctl_option options[] = {
	{"from", 0, VR_CTL_TEXT, AT(from), "PLACE", "first record: earliest, a time, -1d, offset:N (earliest)", 0, 0, 0},
	{"to", 0, VR_CTL_TEXT, AT(to), "PLACE", "behind the last record: live, a time, -1h, offset:N (live)", 0, 0, 0},
	{"number", 'n', VR_CTL_WHOLE, AT(n), "N", "how many of each kind to show, the largest first (20)", 1, 10000, 0},
	{"virald", 0, VR_CTL_TEXT, AT(virald), "PROGRAM", "the virald that replays (the one beside viralctl)", 0, 0, 0},
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
};

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

static enum vr_ctl_exit audit(struct audit_run *run)
{
	enum vr_ctl_exit code;

	add(run, find_virald(run), "replay");
	add(run, "--dry-run", NULL);
	code = add_settings(run);
	if (code)
		return code;
	snprintf(run->limit, sizeof(run->limit), "%llu", (unsigned long long)run->n);
	add(run, "--limit", run->limit);
	if (run->from)
		add(run, "--from", run->from);
	if (run->to)
		add(run, "--to", run->to);
	if (run->json)
		add(run, "--json", NULL);
	execvp(run->arg[0], (char *const *)(uintptr_t)run->arg);
	vr_ctl_note("%s: %s; --virald names another", run->arg[0], strerror(errno));
	return VR_CTL_NO_INPUT;
}

static enum vr_ctl_exit run_audit(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct audit_run run = {.n = 20};
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
	return audit(&run);
}

const struct vr_ctl_command vr_ctl_audit_command = {
	.name = "audit",
	.operands = "",
	.summary = "Prove that what live shows is the log: replay a stretch of it beside live, and compare.",
	.details = "The same as virald replay --dry-run: it takes the spare database, which must hold no generation, and leaves\n"
		   "nothing there. Exit code 0: no difference; 1: there are differences.",
	.run = run_audit,
};
