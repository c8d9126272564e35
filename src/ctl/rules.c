/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>
#include "peers.h"
#include "virality/rulefile.h"

enum { ERRORS_MAX = 200 };

struct rules_run {
	const struct vr_ctl_command *self;
	struct vr_ctl_peers peers;
	bool quiet;
};

#define AT(field) offsetof(struct rules_run, field)
static const struct vr_ctl_option options[] = {
	{"quiet", 'q', VR_CTL_FLAG, AT(quiet), NULL, "say only what is wrong", 0, 0, 0},
};

/* Every mistake at once, in the order of the files. */
static enum vr_ctl_exit tell(const struct vr_rule_errors *errors, enum vr_err err)
{
	if (errors->n == 0)
		return vr_ctl_fail(err, NULL);
	vr_config_print_errors(errors, stderr);
	if (errors->n > errors->cap)
		vr_ctl_note("and %zu mistakes more", errors->n - errors->cap);
	return vr_err_verdict(err) == VR_VERDICT_CONFIG ? VR_CTL_FAILED : VR_CTL_SOFTWARE;
}

static enum vr_ctl_exit check(struct rules_run *run, const struct vr_str_list *files)
{
	struct vr_rule_error storage[ERRORS_MAX];
	struct vr_rule_errors errors = {.at = storage, .cap = ERRORS_MAX};
	struct vr_rulefile *file = NULL;
	struct vr_rules *rules = NULL;
	enum vr_ctl_exit code = VR_CTL_OK;
	size_t n = 0;
	enum vr_err err = vr_rulefile_compile(
		files, &run->peers.config->windows, &run->peers.mem, &run->peers.kept, &file, &rules, &errors);

	if (err)
		code = tell(&errors, err);
	else
		vr_rulefile_print_warnings(file, rules, stderr);
	n = err ? 0 : vr_rules_count(rules);
	if (!err && !run->quiet)
		printf("%zu rule%s in %zu file%s: fine\n", n, n == 1 ? "" : "s", files->n, files->n == 1 ? "" : "s");
	vr_rules_free(rules);
	vr_rulefile_free(file);
	return code;
}

static enum vr_ctl_exit check_files(struct rules_run *run, char **names, size_t n)
{
	enum vr_ctl_exit code = vr_ctl_peers_load(&run->peers);
	struct vr_str *files;

	if (code)
		return code;
	if (n == 0)
		return vr_ctl_finish(check(run, &run->peers.config->rules_files));
	files = vr_arena_alloc(&run->peers.kept, n * sizeof(*files));
	if (!files)
		return vr_ctl_fail(VR_E_NOMEM, NULL);
	for (size_t i = 0; i < n; i++)
		files[i] = vr_str_c(names[i]);
	return vr_ctl_finish(check(run, &(struct vr_str_list){files, n}));
}

static enum vr_ctl_exit run_rules(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct rules_run run = {.self = self};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands words;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &words, &code))
		return code;
	if (words.n == 0 || strcmp(words.at[0], "check") != 0)
		return vr_ctl_misuse(self, "expected: rules check [FILE]...");
	code = check_files(&run, words.at + 1, (size_t)words.n - 1);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_rules_command = {
	.name = "rules",
	.operands = "check [FILE]...",
	.summary = "Check rule files: all mistakes at once, each with its place.",
	.details = "Without a FILE the configured rule files are checked. Ends with 1 when something is wrong.",
	.run = run_rules,
};
