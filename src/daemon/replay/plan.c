/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - what is there, what is asked for, and whether both can be. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "parts.h"
#include "virality/rulefile.h"
#include "virality/term.h"

enum { RUNNER_MS = 15000, KEY_PART = 90 };

/* ------------------------------------------------ exchanges ---------------------------- */

/* Ends in live's database. */
static enum vr_err ask(const struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_select(&t->cmds, r->keys.live_db);
	return vr_talk_ask(t, d);
}

/* ------------------------------------------------ topics and partitions ---------------- */

static bool is_chosen(const struct vr_replay_options *o, struct vr_str topic)
{
	for (size_t i = 0; i < o->n_topics; i++)
		if (vr_str_eq(vr_str_c(o->topics[i]), topic))
			return true;
	return o->n_topics == 0;
}

static enum vr_err check_topics(const struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	for (size_t i = 0; i < o->n_topics; i++) {
		bool found = false;
		for (size_t k = 0; k < r->config->kafka_topics.n; k++)
			found |= vr_str_eq(vr_str_c(o->topics[i]), r->config->kafka_topics.at[k]);
		if (!found)
			return vr_diag_set(d, VR_E_CONFIG, "--topic", "%s is not among kafka.topics", o->topics[i]);
	}
	return VR_OK;
}

static enum vr_err add_topic(struct vr_replay *r, struct vr_str topic, struct vr_diag *d)
{
	struct vr_span wait = {VR_REPLAY_KAFKA_MS};
	int32_t n;
	bool known;
	enum vr_err err = vr_kafka_partitions(r->group, topic, wait, &n, d);
	if (!err)
		err = vr_kafka_topic_check(r->group, topic, wait, &known, d);
	if (err)
		return err;
	struct vr_generation_part *part = reallocarray(r->gen.part, r->gen.n + (size_t)n, sizeof(*part));
	if (!part)
		return VR_E_NOMEM;
	r->gen.part = part;
	for (int32_t i = 0; i < n; i++) {
		struct vr_generation_part *p = &part[r->gen.n++];
		*p = (struct vr_generation_part){.partition = i};
		memcpy(p->topic, topic.p, topic.n);
	}
	return VR_OK;
}

/* The configured topics that the generation has; each of its partitions knows its topic by the configuration's text. */
static enum vr_err tie_parts(struct vr_replay *r, struct vr_diag *d)
{
	size_t n = r->gen.n;
	r->topic = calloc(r->config->kafka_topics.n, sizeof(r->topic[0]));
	r->part = calloc(n, sizeof(r->part[0]));
	r->shadow = calloc(n, sizeof(r->shadow[0]));
	r->live = calloc(n, sizeof(r->live[0]));
	if (!r->topic || !r->part || !r->shadow || !r->live)
		return VR_E_NOMEM;
	for (size_t t = 0; t < r->config->kafka_topics.n; t++) {
		struct vr_str topic = r->config->kafka_topics.at[t];
		bool used = false;
		for (size_t i = 0; i < n; i++) {
			if (!vr_str_eq(topic, vr_str_c(r->gen.part[i].topic)))
				continue;
			r->part[i] = (struct vr_topic_part){topic, r->gen.part[i].partition};
			used = true;
		}
		if (used)
			r->topic[r->n_topics++] = topic;
	}
	for (size_t i = 0; i < n; i++)
		if (!r->part[i].topic.n)
			return vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "generation '%s' has topic %s, which is not configured", r->gen.name,
				r->gen.part[i].topic);
	return VR_OK;
}

/* ------------------------------------------------ live --------------------------------- */

/* Where live stands; where it has no record, what the group has committed is all that is known. */
static enum vr_err read_live(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	for (size_t i = 0; i < r->gen.n; i++) {
		struct vr_keys keys;
		enum vr_err err = vr_keys_init(&keys, r->config->redis_prefix, r->part[i].topic, r->part[i].partition, r->keys.live_db,
			r->keys.alerts_db);
		VR_ASSERT(err == VR_OK);	/* the prefix was tried at the start, and Kafka has the topic */
		vr_cmd(&t.cmds, 3, "HGET");
		vr_key_own(&t.cmds, &keys, "own");
		vr_cmd_c(&t.cmds, "off");
	}
	enum vr_err err = ask(r, &t, d);
	for (size_t i = 0; i < r->gen.n && !err; i++) {
		struct vr_replay_live *live = &r->live[i];
		*live = (struct vr_replay_live){.committed = -1};
		live->exists = vr_reply_i64(&t.r.at[i], &live->off);
		if (!live->exists)
			err = vr_kafka_committed(r->group, &r->part[i], (struct vr_span){VR_REPLAY_KAFKA_MS}, &live->committed);
		if (err)
			vr_diag_set(d, err, "kafka", "cannot learn the group's committed offset");
	}
	vr_talk_close(&t);
	return err;
}

static enum vr_shadow_rules shadow_rules(enum vr_generation_rules rules)
{
	return rules == VR_GENERATION_RULES_LIVE ? VR_SHADOW_RULES_LIVE : rules == VR_GENERATION_RULES_GIVEN ? VR_SHADOW_RULES_LAST : VR_SHADOW_RULES_OWN;
}

static void make_shadows(struct vr_replay *r)
{
	bool follows = strcmp(r->gen.to, "live") == 0;
	for (size_t i = 0; i < r->gen.n; i++) {
		const struct vr_generation_part *p = &r->gen.part[i];
		bool lost = !r->live[i].exists;
		r->shadow[i] = (struct vr_shadow){.name = vr_str_c(r->gen.name), .live_db = r->keys.live_db, .first = p->first,
			.end = follows && !lost ? INT64_MAX : p->end, .rules = shadow_rules(r->gen.rules), .lost = lost};
	}
}

/* ------------------------------------------------ bounds ------------------------------- */

static enum vr_err find_bounds(struct vr_replay *r, struct vr_diag *d)
{
	const char *from = r->options->from ? r->options->from : "earliest", *to = r->options->to ? r->options->to : "live";
	struct vr_wall now = vr_clock_wall();
	struct vr_point first, end;
	vr_str_copy(r->gen.from, sizeof(r->gen.from), vr_str_c(from));
	vr_str_copy(r->gen.to, sizeof(r->gen.to), vr_str_c(to));
	enum vr_err err = vr_point_parse(vr_str_c(from), false, now, &first, d);
	if (!err)
		err = vr_point_parse(vr_str_c(to), true, now, &end, d);
	struct vr_range *range = calloc(r->gen.n, sizeof(*range));
	if (!err)
		err = range ? vr_range_find(r->group, r->part, r->gen.n, &first, &end, (struct vr_span){VR_REPLAY_KAFKA_MS}, range, d) : VR_E_NOMEM;
	for (size_t i = 0; i < r->gen.n && !err; i++) {
		struct vr_generation_part *p = &r->gen.part[i];
		p->first = range[i].first;
		p->end = range[i].end;
		p->gap = range[i].gap;
		p->gap_at_most = range[i].gap_at_most;
		if (!r->live[i].exists && r->live[i].committed >= 0 && r->live[i].committed < p->end)
			p->end = r->live[i].committed > p->first ? r->live[i].committed : p->first;
	}
	free(range);
	return err;
}

/* ------------------------------------------------ rules -------------------------------- */

static enum vr_err give_rules(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_str path = vr_str_c(r->options->rules);
	struct vr_str_list files = {&path, 1};
	struct vr_rulefile *file;
	if (!r->options->rules)
		return VR_OK;
	if (vr_run_rulefile(&files, &r->config->windows, &r->mem, &file))
		return vr_diag_set(d, VR_E_CONFIG, "--rules", "%s cannot be used, see above", r->options->rules);
	struct vr_str text = vr_rulefile_json(file);
	r->gen.rules = VR_GENERATION_RULES_GIVEN;
	/* Not strndup: the text has no end but its length. */
	r->gen.rules_text = calloc(1, text.n + 1);
	if (r->gen.rules_text)
		memcpy(r->gen.rules_text, text.p, text.n);
	vr_str_copy(r->gen.rules_hash, sizeof(r->gen.rules_hash), vr_rulefile_hash(file));
	vr_rulefile_free(file);
	return r->gen.rules_text ? VR_OK : VR_E_NOMEM;
}

/* ------------------------------------------------ memory ------------------------------- */

static double info_number(struct vr_str info, const char *name)
{
	const char *at = memmem(info.p, info.n, name, strlen(name));
	return at ? strtod(at + strlen(name), NULL) : 0;
}

static void ask_size(struct vr_talk *t, int db)
{
	vr_cmd_select(&t->cmds, db);
	vr_cmd_words(&t->cmds, "DBSIZE", NULL);
}

/* What live's keys take is what a second generation will. */
static enum vr_err check_memory(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd_words(&t.cmds, "INFO", "memory", NULL);
	ask_size(&t, r->keys.live_db);
	ask_size(&t, r->spare_db);
	ask_size(&t, r->keys.alerts_db);
	enum vr_err err = ask(r, &t, d);
	if (!err) {
		struct vr_str info = t.r.at[0].str;
		double live = (double)t.r.at[2].integer, spare = (double)t.r.at[4].integer, all = live + spare + (double)t.r.at[6].integer;
		double used = info_number(info, "\nused_memory:"), data = info_number(info, "\nused_memory_dataset:");
		double max = info_number(info, "\nmaxmemory:"), most = max > 0 ? max : info_number(info, "\ntotal_system_memory:") * KEY_PART / 100;
		double need = all > 0 && live > spare ? data / all * (live - spare) : 0;
		if (most > 0 && need > most - used)
			err = vr_diag_set(d, VR_E_REFUSED, "redis", "a second generation needs about %.0f MiB more, and of %.0f MiB that Redis may use "
				"(%s) %.0f MiB are taken: give it more, or discard what is not needed, or --set replay.memory_check=no", need / 1048576,
				most / 1048576, max > 0 ? "maxmemory" : "the machine's", used / 1048576);
	}
	vr_talk_close(&t);
	return err;
}

/* ------------------------------------------------ who runs it -------------------------- */

/* "host:pid:token": one of this host whose process is gone runs no more, however young its last word. */
static bool is_gone(const char *runner)
{
	char host[64] = "";
	gethostname(host, sizeof(host) - 1);
	size_t n = strlen(host);
	if (strncmp(runner, host, n) != 0 || runner[n] != ':')
		return false;
	long pid = strtol(runner + n + 1, NULL, 10);
	return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void name_runner(struct vr_replay *r)
{
	char host[64] = "", token[VR_TOKEN_LEN + 1];
	gethostname(host, sizeof(host) - 1);
	vr_clock_token(token);
	snprintf(r->gen.runner, sizeof(r->gen.runner), "%s:%d:%s", host, (int)getpid(), token);
}

static enum vr_err check_runner(const struct vr_replay *r, struct vr_diag *d)
{
	int64_t since = vr_clock_wall().ms - r->gen.beat.ms;
	if (!r->gen.runner[0] || since > RUNNER_MS || is_gone(r->gen.runner))
		return VR_OK;
	return vr_diag_set(d, VR_E_BUSY, "redis", "generation '%s' is being filled by another process (%s, %lld s ago)", r->gen.name, r->gen.runner,
		(long long)since / 1000);
}

/* Begin: WATCHes what the spare database is called. Gives what it is called in t->r. */
static enum vr_err watch_name(struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_select(&t->cmds, r->spare_db);
	vr_cmd(&t->cmds, 2, "WATCH");
	vr_key_global(&t->cmds, &r->keys, "generation");
	vr_cmd(&t->cmds, 2, "WATCH");
	vr_key_global(&t->cmds, &r->keys, "gen");
	vr_cmd(&t->cmds, 2, "GET");
	vr_key_global(&t->cmds, &r->keys, "generation");
	vr_cmd(&t->cmds, 3, "HGET");
	vr_key_global(&t->cmds, &r->keys, "gen");
	vr_cmd_c(&t->cmds, "runner");
	vr_cmd_words(&t->cmds, "DBSIZE", NULL);
	return ask(r, t, d);
}

enum { NAMED = 3, RUNNER, KEYS };

static enum vr_err end_watch(struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_words(&t->cmds, "EXEC", NULL);
	enum vr_err err = ask(r, t, d);
	if (!err && t->r.at[t->r.n - 2].type == VR_REPLY_NIL)
		err = vr_diag_set(d, VR_E_FENCED, "redis", "somebody else changed the spare database");
	return err;
}

static bool is_text(const struct vr_reply *r, const char *text)
{
	return r->type == VR_REPLY_STR && vr_str_eq(r->str, vr_str_c(text));
}

enum vr_err vr_replay_mark(struct vr_replay *r, enum vr_generation_state state, bool runs, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	enum vr_err err = watch_name(r, &t, d);
	if (!err && !is_text(&t.r.at[NAMED], r->gen.name))
		err = vr_diag_set(d, VR_E_FENCED, "redis", "the spare database is no longer generation '%s': it was switched, or discarded", r->gen.name);
	if (!err && !is_text(&t.r.at[RUNNER], r->gen.runner))
		err = vr_diag_set(d, VR_E_BUSY, "redis", "another process has taken over generation '%s'", r->gen.name);
	if (!err) {
		vr_cmd_select(&t.cmds, r->spare_db);
		vr_cmd_words(&t.cmds, "MULTI", NULL);
		vr_generation_set_state(state, &r->keys, &t.cmds);
		vr_cmd(&t.cmds, 6, "HSET");
		vr_key_global(&t.cmds, &r->keys, "gen");
		vr_cmd_c(&t.cmds, "runner");
		vr_cmd_c(&t.cmds, runs ? r->gen.runner : "");
		vr_cmd_c(&t.cmds, "beat_ms");
		vr_cmd_i64(&t.cmds, vr_clock_wall().ms);
		err = end_watch(r, &t, d);
	}
	vr_talk_close(&t);
	return err;
}

/* ------------------------------------------------ the generation ----------------------- */

/* The first time, and again by whoever goes on: then only the runner is another. */
static enum vr_err write_generation(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	name_runner(r);
	r->gen.beat = vr_clock_wall();
	vr_talk_open(&t, &r->link, &r->mem);
	enum vr_err err = watch_name(r, &t, d);
	const struct vr_reply *named = err ? NULL : &t.r.at[NAMED];
	if (named && (r->is_new ? t.r.at[KEYS].integer > 0 : !is_text(named, r->gen.name)))
		err = vr_diag_set(d, VR_E_FENCED, "redis", "somebody else wrote to the spare database meanwhile");
	if (!err) {
		vr_cmd_select(&t.cmds, r->spare_db);
		vr_cmd_words(&t.cmds, "MULTI", NULL);
		vr_generation_write(&r->gen, &r->keys, &t.cmds);
		if (r->is_new) {
			vr_cmd_select(&t.cmds, r->keys.alerts_db);
			vr_cmd(&t.cmds, 2, "DEL");
			vr_key_replay(&t.cmds, &r->keys, vr_str_c(r->gen.name), "alerts");
		}
		err = end_watch(r, &t, d);
	}
	vr_talk_close(&t);
	return err;
}

static void name_new(struct vr_replay *r)
{
	time_t now = (time_t)(vr_clock_wall().ms / 1000);
	struct tm tm;
	if (r->options->name) {
		vr_str_copy(r->gen.name, sizeof(r->gen.name), vr_str_c(r->options->name));
		return;
	}
	gmtime_r(&now, &tm);
	strftime(r->gen.name, sizeof(r->gen.name), "replay-%Y%m%d-%H%M%S", &tm);
}

static enum vr_err plan_new(struct vr_replay *r, struct vr_diag *d)
{
	r->is_new = true;
	name_new(r);
	r->gen.made = true;
	r->gen.created = vr_clock_wall();
	enum vr_err err = check_topics(r, d);
	for (size_t i = 0; i < r->config->kafka_topics.n && !err; i++)
		if (is_chosen(r->options, r->config->kafka_topics.at[i]))
			err = add_topic(r, r->config->kafka_topics.at[i], d);
	if (!err)
		err = tie_parts(r, d);
	if (!err)
		err = give_rules(r, d);
	if (!err)
		err = read_live(r, d);
	if (!err)
		err = find_bounds(r, d);
	if (!err && r->config->replay_memory_check)
		err = check_memory(r, d);
	return err;
}

static bool differs(const char *asked, const char *has) { return asked && strcmp(asked, has) != 0; }

/* What was live before is resumed up to live. */
static enum vr_err plan_again(struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	bool retired = r->gen.state == VR_GENERATION_RETIRED;
	if (!r->gen.made)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "nothing says how generation '%s' of the spare database came about", r->gen.name);
	if (differs(o->from, r->gen.from) || differs(o->to, r->gen.to) || o->rules || o->n_topics)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "generation '%s' was begun from %s to %s with %s rules, and goes on as it was begun: leave "
			"--from, --to, --rules and --topic out, or begin anew with --discard %s", r->gen.name, r->gen.from, r->gen.to,
			vr_generation_rules_name(r->gen.rules), r->gen.name);
	enum vr_err err = tie_parts(r, d);
	if (!err)
		err = read_live(r, d);
	if (!err && !retired)
		err = check_runner(r, d);
	return err;
}

/* Only what is ours, under one name, may be gone on with or thrown away. */
static enum vr_err look_at_spare(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_generation_census census;
	enum vr_err err = vr_generation_count(&r->link, &r->keys, r->spare_db, &census, d);
	if (!err && census.foreign)
		err = vr_diag_set(d, VR_E_REFUSED, "redis", "database %d (redis.spare_db) holds %lld keys that are not virald's, such as %.60s: "
			"a replay needs one of its own", r->spare_db, (long long)census.foreign, census.example);
	if (!err)
		err = vr_generation_read(&r->link, &r->keys, r->spare_db, &r->gen, d);
	if (!err && !r->gen.name[0] && census.keys)
		err = vr_diag_set(d, VR_E_REFUSED, "redis", "database %d (redis.spare_db) holds %lld keys of virald without a generation's name: another "
			"deployment's? If they are of no use, empty it: redis-cli -n %d FLUSHDB", r->spare_db, (long long)census.keys, r->spare_db);
	return err;
}

/* Not yet: what is asked for instead may turn out to be wrong. */
static enum vr_err throw_away(struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	if (!r->gen.name[0] || !o->discard || strcmp(o->discard, r->gen.name) != 0)
		return VR_OK;
	enum vr_err err = check_runner(r, d);
	if (!err)
		vr_generation_done(&r->gen);
	r->discards = !err;
	return err;
}

static enum vr_err check_names(struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	struct vr_generation live;
	bool again = r->gen.name[0] && o->name && strcmp(o->name, r->gen.name) == 0;
	enum vr_err err = vr_generation_read(&r->link, &r->keys, r->keys.live_db, &live, d);
	if (err)
		return err;
	vr_str_copy(r->live_name, sizeof(r->live_name), vr_str_c(live.name[0] ? live.name : VR_GENERATION_FIRST));
	vr_generation_done(&live);
	if (o->name && strcmp(o->name, r->live_name) == 0)
		return vr_diag_set(d, VR_E_REFUSED, "--name", "generation '%s' is live", o->name);
	if (o->name && !again && !vr_generation_name_ok(vr_str_c(o->name)))
		return vr_diag_set(d, VR_E_CONFIG, "--name", "`%.64s` cannot name a generation: letters, digits, . _ - and at most %d of them, not '%s'",
			o->name, VR_GENERATION_MAX, VR_GENERATION_FIRST);
	if (r->gen.name[0] && !again)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "the spare database holds generation '%s': go on with it (--name %s), or throw it away "
			"(--discard %s)", r->gen.name, r->gen.name, r->gen.name);
	return VR_OK;
}

enum vr_err vr_replay_plan(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = look_at_spare(r, d);
	if (!err)
		err = throw_away(r, d);
	if (!err)
		err = check_names(r, d);
	if (!err)
		err = r->gen.name[0] ? plan_again(r, d) : plan_new(r, d);
	if (!err && r->discards && !r->options->dry_run)
		err = vr_generation_discard(&r->link, &r->keys, r->spare_db, vr_str_c(r->options->discard), d);
	if (!err && !r->options->dry_run)
		err = write_generation(r, d);
	if (!err && r->gen.state == VR_GENERATION_RETIRED)
		vr_str_copy(r->gen.to, sizeof(r->gen.to), vr_str_c("live"));
	if (!err)
		make_shadows(r);
	return err;
}

/* ------------------------------------------------ said to the operator ----------------- */

static void print_json(const struct vr_replay *r)
{
	printf("{\"kind\":\"plan\",\"name\":\"%s\",\"new\":%s,\"from\":\"%s\",\"to\":\"%s\",\"rules\":\"%s\",\"partitions\":[", r->gen.name,
		r->is_new ? "true" : "false", r->gen.from, r->gen.to, vr_generation_rules_name(r->gen.rules));
	for (size_t i = 0; i < r->gen.n; i++) {
		const struct vr_generation_part *p = &r->gen.part[i];
		printf("%s{\"topic\":\"%s\",\"partition\":%d,\"first\":%lld,\"end\":%lld,\"gap\":%lld,\"gap_at_most\":%s}", i ? "," : "", p->topic,
			p->partition, (long long)p->first, (long long)p->end, (long long)p->gap, p->gap_at_most ? "true" : "false");
	}
	puts("]}");
	fflush(stdout);
}

static const char *explain_rules(const struct vr_replay *r)
{
	static const char *const text[] = {"those that live had at each offset", "the given file, throughout", "its own, throughout"};
	return text[r->gen.rules];
}

static void print_gap(const struct vr_generation_part *p)
{
	if (p->gap)
		printf("%s:%d: %s%lld records below offset %lld are no longer in Kafka (retention)\n", p->topic, p->partition,
			p->gap_at_most ? "at most " : "", (long long)p->gap, (long long)p->first);
}

void vr_replay_print(const struct vr_replay *r)
{
	struct vr_arena arena;
	struct vr_mem mem = vr_mem_heap();
	int64_t records = 0;
	if (r->options->json) {
		print_json(r);
		return;
	}
	vr_arena_init(&arena, &mem, 0);
	for (size_t i = 0; i < r->gen.n; i++)
		records += r->gen.part[i].end - r->gen.part[i].first;
	struct vr_str text = vr_ctl_number(&arena, records);
	printf("generation %s (%s) in database %d, beside %s in database %d\n", r->gen.name,
		r->is_new ? "new" : vr_generation_state_name(r->gen.state), r->spare_db, r->live_name, r->keys.live_db);
	printf("from %s to %s: %.*s offsets of %zu partitions\n", r->gen.from, r->gen.to, (int)text.n, text.p, r->gen.n);
	printf("rules: %s\n", explain_rules(r));
	for (size_t i = 0; i < r->gen.n; i++)
		print_gap(&r->gen.part[i]);
	fflush(stdout);
	vr_arena_done(&arena);
}
