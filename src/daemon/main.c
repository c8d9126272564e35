/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - virald's command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "backtest/backtest.h"
#include "check.h"
#include "demo/demo.h"
#include "replay/replay.h"
#include "run.h"
#include "switch/switching.h"

enum { SETS_MAX = 256, TOPICS_MAX = 64 };

struct line {
	struct vr_settings settings;
	struct vr_demo_options demo;
	struct vr_switching_options switching;
	struct vr_backtest_options backtest;
	struct vr_replay_options replay;
	const char *sets[SETS_MAX], *topics[TOPICS_MAX];
	size_t n_topics;
	const char *from, *to, *rules;
	bool json, no_progress, accept_shorter_history, accept_state_loss;
	bool connect, dump;
	const char *operand;		/* of a command that takes one */
};

static const char usage[] =
	"Usage: virald COMMAND [OPTIONS]\n"
	"\n"
	"Consumes share and interaction events from Kafka, keeps exact rolling virality counters in Redis, and says so\n"
	"the moment a content crosses a threshold.\n"
	"\n"
	"Commands:\n"
	"  run      the daemon\n"
	"  replay   fold history into the spare database, beside the live daemon: a generation that can be looked at and switched to\n"
	"  switch   make the generation NAME live, or with --undo the one before; nobody stops for it\n"
	"  check    check configuration and rules; with --connect also try Kafka and Redis\n"
	"  backtest  what other rules would have said: reads Kafka, needs no Redis, writes nothing\n"
	"  demo     see it work: mock Kafka, private Redis, made-up events (for trying out only)\n"
	"  sample   print a configuration file with every setting\n"
	"  reference  print the reference page of all settings\n"
	"  catalog  print what each log event means, as the journal's catalog\n"
	"\n"
	"Options:\n"
	"  -c, --config FILE      configuration (default /etc/virald/virald.yaml, with conf.d/*.yaml beside it)\n"
	"  -s, --set PATH=VALUE   set one setting, e.g. --set redis.url=unix:///run/redis/redis.sock\n"
	"  -X NAME=VALUE          set a property of librdkafka\n"
	"      --connect          check: also try Kafka and Redis\n"
	"      --dump-config      check: print every setting with its value and where it comes from\n"
	"      --name NAME        replay: of the generation; one that was begun goes on\n"
	"      --discard NAME     replay: throw generation NAME of the spare database away first\n"
	"      --dry-run          replay: say what would change, the largest first, and leave nothing\n"
	"      --switch           replay: make it live at the end\n"
	"      --rules FILE       backtest: the rules to try, a file or pattern; replay: instead of those that live had\n"
	"      --against FILE     backtest: rules to compare with; tells what is added, removed, shifted in time\n"
	"      --from T           replay, backtest: where to begin: earliest (default), RFC 3339, ms, -2h (so long ago), offset:N\n"
	"      --to T             replay, backtest: where to end: live (default: all there is), or as --from\n"
	"  -t, --topic NAME       replay, backtest: this topic only; may come again\n"
	"      --limit N          backtest, replay --dry-run: rows of a list (default 20); 0: all\n"
	"  -j, --json             replay, backtest: JSON, one object a line\n"
	"      --no-progress      replay, backtest: say nothing before the end\n"
	"      --seconds N        demo: end after N seconds with a summary\n"
	"      --rate N           demo: events a second (default 2000); replay: records a second at most\n"
	"      --seed N           demo: another stream of events\n"
	"      --undo             switch: back to the generation that was live before\n"
	"      --wait SECONDS     switch: how long to wait for a generation that is behind (default 60)\n"
	"      --accept-shorter-history  replay --switch, switch: though contents lose what came before the generation begins\n"
	"      --accept-state-loss       replay --switch, switch: though live has no records of its own (a lost Redis)\n"
	"  -h, --help             this text\n"
	"  -V, --version          versions of virald and of what it links\n"
	"\n"
	"Exit: 0 ok, 1 a dry run found differences, 64 usage, 69 a peer cannot be reached, 70 own fault, 74 output, 75 not finished, 78 configuration.\n"
	"Manual: virald(8), virald.yaml(5). First steps: virald demo\n";

static int fail_usage(const char *what, const char *word)
{
	fprintf(stderr, "virald: %s%s%s\nTry: virald --help\n", what, word ? ": " : "", word ? word : "");
	return EX_USAGE;
}

static int command_run(const struct line *l) { return vr_run(&(struct vr_run_options){.settings = l->settings}); }
static int command_check(const struct line *l) { return vr_check(&l->settings, l->connect, l->dump); }
static int command_backtest(const struct line *l)
{
	struct vr_backtest_options o = l->backtest;
	o.settings = &l->settings;
	o.rules = l->rules;
	o.from = l->from;
	o.to = l->to;
	o.json = l->json;
	o.no_progress = l->no_progress;
	return o.rules ? vr_backtest(&o) : fail_usage("backtest takes --rules FILE", NULL);
}

static int command_replay(const struct line *l)
{
	struct vr_replay_options o = l->replay;
	o.settings = l->settings;
	o.rules = l->rules;
	o.from = l->from;
	o.to = l->to;
	o.topics = l->topics;
	o.n_topics = l->n_topics;
	o.json = l->json;
	o.rows = l->backtest.limit > 0 && l->backtest.limit < UINT32_MAX / 4 ? (uint32_t)l->backtest.limit : UINT32_MAX / 4;
	o.quiet = l->no_progress;
	o.accept_shorter_history = l->accept_shorter_history;
	o.accept_state_loss = l->accept_state_loss;
	return vr_replay(&o);
}

static int command_demo(const struct line *l) { return vr_demo(&l->demo); }

static int command_switch(const struct line *l)
{
	struct vr_switching_options o = l->switching;
	o.settings = l->settings;
	o.name = l->operand;
	o.accept_shorter_history = l->accept_shorter_history;
	o.accept_state_loss = l->accept_state_loss;
	if (o.undo == (o.name != NULL))
		return fail_usage(o.undo ? "switch takes NAME or --undo, not both" : "switch to which generation? NAME, or --undo", NULL);
	return vr_switching(&o);
}

static int command_sample(const struct line *l)
{
	(void)l;
	vr_config_print_sample(stdout);
	return EX_OK;
}

static int command_reference(const struct line *l)
{
	(void)l;
	vr_config_print_reference(stdout);
	return EX_OK;
}

static int command_catalog(const struct line *l)
{
	(void)l;
	vr_event_catalog(stdout);
	return EX_OK;
}

static const struct { const char *name; int (*run)(const struct line *l); } commands[] = {
	{"run", command_run}, {"replay", command_replay}, {"switch", command_switch}, {"check", command_check}, {"backtest", command_backtest},
	{"demo", command_demo}, {"sample", command_sample}, {"reference", command_reference}, {"catalog", command_catalog}};

static bool has_operand(const char *name) { return strcmp(name, "switch") == 0; }

static int run_command(const char *name, const struct line *l)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(l);
		names[i] = commands[i].name;
	}
	const char *near = vr_str_nearest(vr_str_c(name), names, sizeof(names) / sizeof(names[0]));
	fprintf(stderr, "virald: unknown command '%s'%s%s%s\nTry: virald --help\n", name, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	return EX_USAGE;
}

static bool number(const char *text, double low, double high, double *ret)
{
	char *end;
	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret >= low && *ret <= high;
}

static bool add_set(struct line *l, const char *prefix, const char *word)
{
	char *text;
	if (l->settings.n_sets == SETS_MAX || asprintf(&text, "%s%s", prefix, word) < 0)
		return false;
	if (!strchr(text, '=')) {
		free(text);
		return false;
	}
	l->sets[l->settings.n_sets++] = text;
	return true;
}

enum { OPT_CONNECT = 256, OPT_DUMP, OPT_SECONDS, OPT_RATE, OPT_SEED, OPT_RULES, OPT_AGAINST, OPT_FROM, OPT_TO, OPT_LIMIT,
	OPT_NO_PROGRESS, OPT_UNDO, OPT_WAIT, OPT_SHORTER, OPT_LOSS, OPT_NAME, OPT_DISCARD, OPT_DRY_RUN, OPT_SWITCH };

/* Options of commands that read history. */
static int take_history(struct line *l, int c)
{
	double v = 0;
	switch (c) {
	case OPT_RULES: l->rules = optarg; return EX_OK;
	case OPT_AGAINST: l->backtest.against = optarg; return EX_OK;
	case OPT_FROM: l->from = optarg; return EX_OK;
	case OPT_TO: l->to = optarg; return EX_OK;
	case OPT_NAME: l->replay.name = optarg; return EX_OK;
	case OPT_DISCARD: l->replay.discard = optarg; return EX_OK;
	case OPT_DRY_RUN: l->replay.dry_run = true; return EX_OK;
	case OPT_SWITCH: l->replay.switches = true; return EX_OK;
	case 't':
		if (l->n_topics == TOPICS_MAX)
			return fail_usage("too many topics", optarg);
		l->topics[l->n_topics++] = optarg;
		return EX_OK;
	case 'j': l->json = true; return EX_OK;
	case OPT_NO_PROGRESS: l->no_progress = true; return EX_OK;
	case OPT_LIMIT:
		if (!number(optarg, 0, 1e9, &v))
			return fail_usage("--limit takes a whole number", optarg);
		l->backtest.limit = (uint64_t)v;
		return EX_OK;
	default: return EX_USAGE;
	}
}

static int take_option(struct line *l, int c)
{
	double v = 0;
	switch (c) {
	case 'c': l->settings.config_path = optarg; return EX_OK;
	case 's': return add_set(l, "", optarg) ? EX_OK : fail_usage("--set takes PATH=VALUE", optarg);
	case 'X': return add_set(l, "kafka.properties.", optarg) ? EX_OK : fail_usage("-X takes NAME=VALUE", optarg);
	case OPT_CONNECT: l->connect = true; return EX_OK;
	case OPT_DUMP: l->dump = true; return EX_OK;
	case OPT_UNDO: l->switching.undo = true; return EX_OK;
	case OPT_SHORTER: l->accept_shorter_history = true; return EX_OK;
	case OPT_LOSS: l->accept_state_loss = true; return EX_OK;
	case OPT_WAIT:
		if (!number(optarg, 0, 1e6, &v))
			return fail_usage("--wait takes seconds", optarg);
		l->switching.wait.ms = (int64_t)(v * 1000);
		return EX_OK;
	case OPT_SECONDS:
		if (!number(optarg, 1, 1e9, &v))
			return fail_usage("--seconds takes a number from 1", optarg);
		l->demo.seconds = (int64_t)v;
		return EX_OK;
	case OPT_RATE:
		if (!number(optarg, 1, 1e6, &l->demo.rate))
			return fail_usage("--rate takes a number from 1 to 1000000", optarg);
		l->replay.rate = (int64_t)l->demo.rate;
		return EX_OK;
	case OPT_SEED:
		if (!number(optarg, 0, 9e15, &v))
			return fail_usage("--seed takes a whole number", optarg);
		l->demo.seed = (uint64_t)v;
		return EX_OK;
	default: return take_history(l, c);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {"connect", no_argument, NULL, OPT_CONNECT}, {"dump-config", no_argument, NULL, OPT_DUMP},
		{"seconds", required_argument, NULL, OPT_SECONDS}, {"rate", required_argument, NULL, OPT_RATE},
		{"seed", required_argument, NULL, OPT_SEED}, {"rules", required_argument, NULL, OPT_RULES},
		{"against", required_argument, NULL, OPT_AGAINST}, {"from", required_argument, NULL, OPT_FROM},
		{"to", required_argument, NULL, OPT_TO}, {"topic", required_argument, NULL, 't'},
		{"limit", required_argument, NULL, OPT_LIMIT}, {"json", no_argument, NULL, 'j'},
		{"no-progress", no_argument, NULL, OPT_NO_PROGRESS}, {"undo", no_argument, NULL, OPT_UNDO},
		{"wait", required_argument, NULL, OPT_WAIT}, {"accept-shorter-history", no_argument, NULL, OPT_SHORTER},
		{"accept-state-loss", no_argument, NULL, OPT_LOSS}, {"name", required_argument, NULL, OPT_NAME},
		{"discard", required_argument, NULL, OPT_DISCARD}, {"dry-run", no_argument, NULL, OPT_DRY_RUN},
		{"switch", no_argument, NULL, OPT_SWITCH}, {NULL, 0, NULL, 0}};
	static struct line l = {.settings = {.config_path = "/etc/virald/virald.yaml"}, .demo = {.rate = 2000, .seed = 1},
		.backtest = {.limit = 20}, .switching = {.wait = {60000}}, .replay = {.rate = -1}};
	int c;
	l.settings.sets = l.sets;
	while ((c = getopt_long(argc, argv, "c:s:X:t:jhV", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
		if (c == 'V')
			return vr_check_versions();
		if (c == '?')
			return fail_usage("cannot use this command line", NULL);
		int code = take_option(&l, c);
		if (code)
			return code;
	}
	if (optind == argc)
		return fail_usage("which command?", NULL);
	if (optind + 1 < argc && has_operand(argv[optind]))
		l.operand = argv[optind + 1];
	if (optind + 1 + (l.operand != NULL) < argc)
		return fail_usage("one command at a time", argv[optind + 1 + (l.operand != NULL)]);
	for (size_t i = 0; i < l.n_topics && strcmp(argv[optind], "backtest") == 0; i++)
		if (!add_set(&l, "kafka.topics=", l.topics[i]))
			return fail_usage("too many settings", l.topics[i]);
	return run_command(argv[optind], &l);
}
