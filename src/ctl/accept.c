/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "part.h"
#include "show.h"
#include "virality/term.h"

enum { WAYS = 5, BY_MAX = 160 };

struct accept_run {
	const struct vr_ctl_command *self;
	struct vr_ctl_peers peers;
	bool ways[WAYS], yes;
	struct vr_ctl_part part;
};

/* A way out: what it is called in Redis, which stops it helps over, and what will be true afterwards. */
static const struct way {
	const char *what, *stops, *meaning;
} ways[WAYS] = {
	{"gap", "gap",
		"Counting goes on at the first record that Kafka still has. The records between are in no count, "
		"ever."},
	{"from-log-start", "truncated gap",
		"The partition's counters are thrown away, and all that Kafka still holds is counted anew from its "
		"start."},
	{"state-loss", "state_lost",
		"What Redis lost stays lost: all that Kafka still holds is counted anew from its start."},
	{"rebuild", "corrupt state_lost truncated gap reply",
		"The partition's counters are thrown away, and all that Kafka still holds is counted anew from its "
		"start."},
	{"growth", "growth",
		"The new partition is counted from its start. Contents that moved to it begin at zero there, and "
		"what an old\n"
		"partition counted for them stays as it is: their counts are not exact."},
};

#define AT(field) offsetof(struct accept_run, field)
static const struct vr_ctl_option options[] = {
	{"gap", 0, VR_CTL_FLAG, AT(ways[0]), NULL, "go on behind records that Kafka no longer has", 0, 0, 0},
	{"from-log-start", 0, VR_CTL_FLAG, AT(ways[1]), NULL,
		"the log was cut or made anew: count it from its start", 0, 0, 0},
	{"state-loss", 0, VR_CTL_FLAG, AT(ways[2]), NULL, "Redis lost state: count from the log's start", 0, 0,
		0},
	{"rebuild", 0, VR_CTL_FLAG, AT(ways[3]), NULL, "stored state is unusable: throw it away and count anew",
		0, 0, 0},
	{"growth", 0, VR_CTL_FLAG, AT(ways[4]), NULL, "a partition was added: count it, inexact as that is", 0, 0,
		0},
	{"yes", 'y', VR_CTL_FLAG, AT(yes), NULL, "do not ask", 0, 0, 0},
};

static const struct way *chosen(const struct accept_run *run)
{
	const struct way *way = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		if (run->ways[i] && way)
			return NULL;
		if (run->ways[i])
			way = &ways[i];
	}
	return way;
}

static bool helps(const struct way *way, struct vr_str err)
{
	const char *at = way->stops;

	while (*at) {
		size_t n = strcspn(at, " ");

		if (vr_str_eq(err, (struct vr_str){at, n}))
			return true;
		at += n + (at[n] == ' ');
	}
	return false;
}

/* "topic:7" */
static bool split(const char *word, struct vr_str *ret_topic, int32_t *ret_partition)
{
	const char *colon = strrchr(word, ':');
	char *end;
	long n;

	if (!colon || colon == word)
		return false;
	n = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end || n < 0 || n > INT32_MAX)
		return false;
	*ret_topic = (struct vr_str){word, (size_t)(colon - word)};
	*ret_partition = (int32_t)n;
	return true;
}

/* Which ways there are instead. */
static enum vr_ctl_exit refuse(const struct accept_run *run, const struct way *way)
{
	struct vr_str err = run->part.err;

	vr_ctl_note("--%s is no way out of \"%.*s\"", way->what, (int)err.n, err.p);
	for (size_t i = 0; i < WAYS; i++)
		if (helps(&ways[i], err))
			vr_ctl_note("this would be: --%s", ways[i].what);
	return VR_CTL_FAILED;
}

static void explain(struct accept_run *run, const struct way *way)
{
	struct vr_str since = vr_ctl_time(&run->peers.arena, vr_ctl_field_number(run->part.stop, "since_ms"));

	fprintf(stderr, "Stopped since %.*s UTC at offset %" PRId64 ":\n  ", (int)since.n, since.p,
		vr_ctl_field_number(run->part.stop, "offset"));
	vr_ctl_put_text(stderr, run->part.text);
	fprintf(stderr, "\n--%s means:\n%s\n", way->what, way->meaning);
}

static bool confirm(void)
{
	char answer[16];

	fputs("Do that? Type yes: ", stderr);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

/* Who decides, for the log: the person behind sudo rather than root. */
static void name_operator(char *out)
{
	const char *user = getenv("SUDO_USER");
	const struct passwd *pw = user ? NULL : getpwuid(getuid());
	char host[64] = "";

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(out, BY_MAX, "%.80s@%s", user ? user : pw ? pw->pw_name : "?", host);
}

/* Only onto the stop that was looked at: WATCH, then DEL and HSET in one transaction. */
static enum vr_err write_decision(struct accept_run *run, const struct way *way, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	const struct vr_keys *keys = &run->part.keys;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	char by[BY_MAX];
	enum vr_err err;

	name_operator(by);
	vr_cmd(c, 1, "MULTI");
	vr_cmd(c, 2, "DEL");
	vr_key_own(c, keys, "accept");
	vr_cmd(c, 8, "HSET");
	vr_key_own(c, keys, "accept");
	vr_cmd_c(c, "what");
	vr_cmd_c(c, way->what);
	vr_cmd_c(c, "by");
	vr_cmd_c(c, by);
	vr_cmd_c(c, "at_ms");
	vr_cmd_i64(c, vr_ctl_today().ms);
	vr_cmd(c, 1, "EXEC");
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, d);
	if (!err && r.at[r.n - 1].type == VR_REPLY_NIL)
		err = vr_diag_set(d, VR_E_FENCED, "redis", "the stop changed meanwhile; look at it again");
	return err;
}

static enum vr_err watch(struct accept_run *run, const struct vr_ctl_part *part, struct vr_diag *d)
{
	struct vr_cmds *c = &run->peers.cmds;
	struct vr_replies r = {0};

	vr_cmd(c, 2, "WATCH");
	vr_key_own(c, &part->keys, "stop");
	return vr_ctl_peers_ask(&run->peers, VR_CTL_LIVE, &r, d);
}

static enum vr_ctl_exit decide(struct accept_run *run, const struct way *way)
{
	struct vr_diag d = {0};
	enum vr_err err;

	if (run->part.stop->n == 0) {
		vr_ctl_note("%.*s:%d is not stopped: there is nothing to accept", (int)run->part.topic.n,
			run->part.topic.p, run->part.partition);
		return VR_CTL_FAILED;
	}
	if (!helps(way, run->part.err))
		return refuse(run, way);
	explain(run, way);
	if (!run->yes && !isatty(STDIN_FILENO))
		return vr_ctl_misuse(run->self, "nobody can be asked here: say --yes if that is what you want");
	if (!run->yes && !confirm()) {
		vr_ctl_note("nothing was changed");
		return VR_CTL_FAILED;
	}
	err = write_decision(run, way, &d);
	if (err)
		return vr_ctl_fail(err, &d);
	vr_ctl_note("accepted; the partition's owner goes on within seconds (viralctl partitions shows it)");
	return VR_CTL_OK;
}

static enum vr_ctl_exit accept_for(struct accept_run *run, const char *word, const struct way *way)
{
	struct vr_diag d = {0};
	struct vr_str topic;
	int32_t partition;
	enum vr_ctl_exit code;
	enum vr_err err;

	if (!split(word, &topic, &partition))
		return vr_ctl_misuse(run->self, "\"%s\": expected TOPIC:PARTITION, like virality-events:3", word);
	code = vr_ctl_peers_load(&run->peers);
	if (code)
		return code;
	/* The first reading only makes the keys; what counts is read under WATCH. */
	err = vr_ctl_part_read(&run->peers, topic, partition, &run->part, &d);
	if (!err)
		err = watch(run, &run->part, &d);
	if (!err)
		err = vr_ctl_part_read(&run->peers, topic, partition, &run->part, &d);
	return err ? vr_ctl_fail(err, &d) : decide(run, way);
}

static enum vr_ctl_exit run_accept(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct accept_run run = {.self = self};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("What to accept, one of", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands words;
	const struct way *way;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &words, &code))
		return code;
	way = chosen(&run);
	if (words.n != 1 || !way)
		return vr_ctl_misuse(self, "expected one TOPIC:PARTITION and exactly one thing to accept");
	code = accept_for(&run, words.at[0], way);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_accept_command = {
	.name = "accept",
	.operands = "TOPIC:PARTITION",
	.summary = "Let a stopped partition go on, with what that costs.",
	.details =
		"Says what stopped it and what accepting means, asks, and writes the decision down with your name;\n"
		"the daemon that holds the partition obeys it and logs it.",
	.run = run_accept,
};
