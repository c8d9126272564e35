/* SPDX-License-Identifier: Apache-2.0 */
#include "switcher.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "generation.h"
#include "loss.h"
#include "rulebook.h"
#include "virality/talk.h"

enum { KAFKA_MS = 10000, PARTS_MAX = 100000, BEAT_MAX_MS = 15000 };

struct vr_switcher {
	struct vr_switcher_config config;
	struct vr_mem mem;
	struct vr_redis *redis;
	struct vr_talk talk;
	struct vr_cmds retire, promote;
	struct vr_switch w;
	char name[VR_GENERATION_MAX + 1];
	struct vr_generation live, spare;	/* as they were when last looked at */
	char *rules_entry;
	bool looked;				/* at all keys, and at what would be lost */
	bool sent;				/* an EXEC whose answer did not come may have run */
};

/* ------------------------------------------------ a new one --------------------------- */

static enum vr_err add_part(struct vr_switcher *s, struct vr_str topic, int32_t partition)
{
	VR_ASSERT(s->w.n < PARTS_MAX);
	return vr_switch_part_init(&s->w.part[s->w.n++], &s->w, s->config.config->redis_prefix, topic, partition);
}

/* The partitions that Kafka has: exactly these are live's, and must be the shadow's. */
static enum vr_err find_parts(struct vr_switcher *s, struct vr_diag *d)
{
	const struct vr_str_list *topics = &s->config.config->kafka_topics;
	int32_t *count = calloc(topics->n, sizeof(*count));
	enum vr_err err = count ? VR_OK : VR_E_NOMEM;
	size_t all = 0;
	for (size_t i = 0; i < topics->n && !err; i++) {
		err = vr_kafka_partitions(s->config.group, topics->at[i], (struct vr_span){KAFKA_MS}, &count[i], d);
		all += err ? 0 : (size_t)count[i];
	}
	if (!err)
		s->w.part = calloc(all + 1, sizeof(s->w.part[0]));
	if (!err && !s->w.part)
		err = VR_E_NOMEM;
	for (size_t i = 0; i < topics->n && !err; i++)
		for (int32_t p = 0; p < count[i] && !err; p++)
			err = add_part(s, topics->at[i], p);
	free(count);
	return err;
}

static enum vr_err check_redis(struct vr_switcher *s, struct vr_diag *d)
{
	const struct vr_config *c = s->config.config;
	struct vr_redis_facts facts;
	int major = 0, minor = 0;
	if (c->redis_live_db == c->redis_spare_db || c->redis_live_db == c->redis_alerts_db || c->redis_spare_db == c->redis_alerts_db)
		return vr_diag_set(d, VR_E_CONFIG, "redis.spare_db", "live, spare and alerts must be three databases: they are %d, %d and %d",
			(int)c->redis_live_db, (int)c->redis_spare_db, (int)c->redis_alerts_db);
	enum vr_err err = vr_redis_check(s->redis, &facts, d);
	if (err)
		return err;
	if (sscanf(facts.version, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 2)))
		return VR_OK;
	return vr_diag_set(d, VR_E_UNSUPPORTED, "redis", "Redis %s: before 6.2 a WATCH does not notice SWAPDB, so live owners would write on",
		facts.version);
}

static enum vr_err name_it(struct vr_switcher *s, struct vr_diag *d)
{
	const struct vr_config *c = s->config.config;
	if (s->config.name) {
		snprintf(s->name, sizeof(s->name), "%s", s->config.name);
		return VR_OK;
	}
	struct vr_generation g = {.made = false};
	enum vr_err err = vr_generation_read(&s->talk.link, &s->w.keys, (int)c->redis_spare_db, &g, d);
	if (!err && (!g.made || g.state != VR_GENERATION_RETIRED))
		err = vr_diag_set(d, VR_E_REFUSED, "redis", "nothing to undo: database %d holds %s%s", (int)c->redis_spare_db,
			g.name[0] ? g.name : "no generation", g.name[0] ? ", which was not live before" : "");
	if (!err)
		memcpy(s->name, g.name, sizeof(s->name));
	vr_generation_done(&g);
	return err;
}

static void set_up(struct vr_switcher *s)
{
	const struct vr_config *c = s->config.config;
	s->mem = vr_mem_heap();
	vr_cmds_init(&s->retire, &s->mem);
	vr_cmds_init(&s->promote, &s->mem);
	s->w = (struct vr_switch){.live_db = (int)c->redis_live_db, .spare_db = (int)c->redis_spare_db, .alerts_db = (int)c->redis_alerts_db,
		.max_lag = c->replay_switch_max_lag, .accept_state_loss = s->config.accept_state_loss,
		.capped = c->memory_max_contents > 0, .retire = &s->retire,
		.promote = &s->promote};
}

enum vr_err vr_switcher_new(const struct vr_switcher_config *config, struct vr_switcher **ret, struct vr_diag *d)
{
	struct vr_redis_config rc = vr_settings_redis(config->config);
	struct vr_switcher *s = calloc(1, sizeof(*s));
	if (!s)
		return VR_E_NOMEM;
	s->config = *config;
	set_up(s);
	enum vr_err err = vr_switch_init(&s->w, config->config->redis_prefix);
	if (!err)
		err = vr_redis_new(&rc, &s->redis);
	if (!err) {
		struct vr_link link = vr_redis_link(s->redis);
		vr_talk_open(&s->talk, &link, &s->mem);
		err = check_redis(s, d);
	}
	if (!err)
		err = name_it(s, d);
	if (!err)
		err = find_parts(s, d);
	s->w.name = vr_str_c(s->name);
	if (err)
		vr_switcher_free(s);
	else
		*ret = s;
	return err;
}

void vr_switcher_free(struct vr_switcher *s)
{
	if (!s)
		return;
	vr_generation_done(&s->live);
	vr_generation_done(&s->spare);
	free(s->rules_entry);
	free(s->w.part);
	vr_talk_close(&s->talk);
	vr_cmds_done(&s->retire);
	vr_cmds_done(&s->promote);
	vr_redis_free(s->redis);
	free(s);
}

const char *vr_switcher_name(const struct vr_switcher *s) { return s->name; }
const char *vr_switcher_was(const struct vr_switcher *s) { return s->w.was; }

bool vr_switcher_is_filled(const struct vr_switcher *s)
{
	return s->spare.made && s->spare.runner[0] && vr_clock_wall().ms - s->spare.beat.ms < BEAT_MAX_MS;
}

/* ------------------------------------------------ what both are ---------------------- */

static enum vr_err read_generations(struct vr_switcher *s, struct vr_diag *d)
{
	vr_generation_done(&s->live);
	vr_generation_done(&s->spare);
	enum vr_err err = vr_generation_read(&s->talk.link, &s->w.keys, s->w.spare_db, &s->spare, d);
	if (!err)
		err = vr_generation_read(&s->talk.link, &s->w.keys, s->w.live_db, &s->live, d);
	if (!err && s->spare.made && s->spare.state == VR_GENERATION_DRY)
		err = vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds what a dry run folds to look at: it cannot become live; `virald replay` "
			"without --dry-run makes what can", s->w.spare_db);
	return err;
}

/* ------------------------------------------------ rules ------------------------------- */

/* The set that the shadow's records name: of one that was live before and had rules of its own. */
static enum vr_err named_set(struct vr_switcher *s, uint32_t *ret, struct vr_diag *d)
{
	*ret = 0;
	vr_cmd_select(&s->talk.cmds, s->w.spare_db);
	for (size_t i = 0; i < s->w.n; i++) {
		vr_cmd(&s->talk.cmds, 3, "HGET");
		vr_key_own(&s->talk.cmds, &s->w.part[i].keys, "own");
		vr_cmd_c(&s->talk.cmds, "rules");
	}
	vr_cmd_select(&s->talk.cmds, s->w.live_db);
	enum vr_err err = vr_talk_ask(&s->talk, d);
	for (size_t i = 0; i < s->w.n && !err; i++) {
		int64_t no = 0;
		if (vr_reply_i64(&s->talk.r.at[1 + i], &no) && no > *ret)
			*ret = (uint32_t)no;
	}
	return err;
}

/* Rules of its own are the fleet's afterwards: appended, unless they are its last set already. */
static enum vr_err decide_rules(struct vr_switcher *s, struct vr_diag *d)
{
	struct vr_rulebook_place place = {.n = 0};
	uint32_t no = 0;
	free(s->rules_entry);
	s->rules_entry = NULL;
	s->w.rules_entry = VR_STR("");
	s->w.own_rules = s->spare.made && s->spare.rules != VR_GENERATION_RULES_LIVE;
	if (!s->w.own_rules)
		return VR_OK;
	enum vr_err err = s->spare.rules == VR_GENERATION_RULES_OWN ? named_set(s, &no, d) : VR_OK;
	if (!err)
		err = vr_rulebook_place(&s->talk.link, &s->w.keys, no, vr_str_c(s->spare.rules_hash),
			vr_str_c(s->spare.rules_text ? s->spare.rules_text : ""), &place, d);
	if (err)
		return err;
	s->rules_entry = place.entry;
	s->w.rules_named = s->spare.rules == VR_GENERATION_RULES_OWN;
	s->w.rules_was = no;
	s->w.rules_entry = vr_str_c(place.entry ? place.entry : "");
	s->w.rules_n = place.n;
	s->w.rules_no = place.no;
	return VR_OK;
}

/* ------------------------------------------------ what becomes of both ---------------- */

static struct vr_generation_part *part_of(struct vr_generation *g, const struct vr_switch_part *part)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->part[i].partition == part->partition && vr_str_eq(vr_str_c(g->part[i].topic), part->topic))
			return &g->part[i];
	struct vr_generation_part *p = &g->part[g->n++];
	*p = (struct vr_generation_part){.partition = part->partition};
	memcpy(p->topic, part->topic.p, part->topic.n);
	return p;
}

/* The generation that was live: a replay can take it up again, from where live left it up to live. */
static enum vr_err write_retired(struct vr_switcher *s)
{
	struct vr_generation g = s->live;
	g.part = calloc(s->live.n + s->w.n + 1, sizeof(g.part[0]));
	if (!g.part)
		return VR_E_NOMEM;
	if (s->live.n)
		memcpy(g.part, s->live.part, s->live.n * sizeof(g.part[0]));
	g.state = VR_GENERATION_RETIRED;
	g.rules = s->w.own_rules ? VR_GENERATION_RULES_OWN : VR_GENERATION_RULES_LIVE;
	g.rules_hash[0] = g.runner[0] = '\0';
	g.rules_text = NULL;
	snprintf(g.name, sizeof(g.name), "%s", s->w.was);
	if (!s->live.made) {
		snprintf(g.from, sizeof(g.from), "earliest");
		g.created = vr_clock_wall();
	}
	snprintf(g.to, sizeof(g.to), "live");
	for (size_t i = 0; i < s->w.n; i++) {
		if (!s->w.part[i].live.exists)
			continue;
		struct vr_generation_part *p = part_of(&g, &s->w.part[i]);
		p->first = s->w.part[i].live.base_off;
		p->end = s->w.part[i].live.off;
	}
	vr_generation_write(&g, &s->w.keys, &s->retire);
	free(g.part);
	return s->retire.buf.failed ? VR_E_NOMEM : VR_OK;
}

static void write_promoted(struct vr_switcher *s)
{
	if (!s->spare.made)
		return;
	vr_cmd(&s->promote, 10, "HSET");
	vr_key_global(&s->promote, &s->w.keys, "gen");
	vr_cmd_c(&s->promote, "state");
	vr_cmd_c(&s->promote, vr_generation_state_name(VR_GENERATION_FULL));
	vr_cmd_c(&s->promote, "rules");
	vr_cmd_c(&s->promote, vr_generation_rules_name(VR_GENERATION_RULES_LIVE));
	vr_cmd_c(&s->promote, "to");
	vr_cmd_c(&s->promote, "live");
	vr_cmd_c(&s->promote, "runner");
	vr_cmd_c(&s->promote, "");
}

/* ------------------------------------------------ the first look ---------------------- */

static enum vr_err check_keys(struct vr_switcher *s, int db, struct vr_diag *d)
{
	struct vr_generation_census census;
	enum vr_err err = vr_generation_count(&s->talk.link, &s->w.keys, db, (struct vr_generation_turn){NULL, NULL}, &census, d);
	if (err || census.foreign == 0)
		return err;
	return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds %lld keys that are not virald's, like '%s': a switch would move them. "
		"Move them elsewhere, or give virald databases of its own (redis.live_db, redis.spare_db)", db, (long long)census.foreign,
		census.example);
}

static enum vr_err check_loss(struct vr_switcher *s, struct vr_diag *d)
{
	struct vr_loss loss = {.contents = 0};
	if (s->config.accept_shorter_history)
		return VR_OK;
	enum vr_err err = vr_switch_loss(&s->talk.link, &s->w, s->config.config->retention, &loss, d);
	if (err || loss.contents == 0)
		return err;
	return vr_diag_set(d, VR_E_REFUSED, "redis", "generation %s begins later than live: %llu contents (like %s) would lose %llu shares that "
		"came before. Replay from earlier, or switch with --accept-shorter-history", s->name, (unsigned long long)loss.contents,
		loss.example, (unsigned long long)loss.shares);
}

static enum vr_err look_closer(struct vr_switcher *s, struct vr_diag *d)
{
	enum vr_err err = check_keys(s, s->w.live_db, d);
	if (!err)
		err = check_keys(s, s->w.spare_db, d);
	if (!err)
		err = check_loss(s, d);
	s->looked |= !err;
	return err;
}

/* ------------------------------------------------ a try ------------------------------- */

static enum vr_err ask_committed(struct vr_switcher *s, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < s->w.n && !err && s->config.accept_state_loss; i++) {
		struct vr_topic_part part = {s->w.part[i].topic, s->w.part[i].partition};
		err = vr_kafka_committed(s->config.group, &part, (struct vr_span){KAFKA_MS}, &s->w.part[i].committed);
	}
	return err ? vr_diag_set(d, err, "kafka", "cannot learn what the group has committed") : VR_OK;
}

static enum vr_err look(struct vr_switcher *s, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	enum vr_err err = read_generations(s, d);
	if (!err)
		err = decide_rules(s, d);
	vr_switch_look(&s->w, &s->talk.cmds);
	if (!err)
		err = vr_talk_send(&s->talk, d);
	return err ? err : vr_switch_judge(&s->w, &s->talk.r, ret, d);
}

static void make_token(void *ctx, char out[VR_TOKEN_LEN + 1])
{
	(void)ctx;
	vr_clock_token(out);
}

static enum vr_err go(struct vr_switcher *s, struct vr_diag *d)
{
	vr_cmds_clear(&s->retire);
	vr_cmds_clear(&s->promote);
	enum vr_err err = write_retired(s);
	write_promoted(s);
	if (err)
		return err;
	vr_switch_go(&s->w, make_token, NULL, &s->talk.cmds);
	s->sent = true;
	err = vr_talk_send(&s->talk, d);
	return err ? err : vr_switch_done(&s->w, &s->talk.r, d);
}

static enum vr_err attempt(struct vr_switcher *s, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	enum vr_err err = s->sent || s->looked ? VR_OK : ask_committed(s, d);
	if (!err)
		err = look(s, ret, d);
	if (!err && *ret != VR_SWITCH_ALREADY && !s->looked) {
		err = look_closer(s, d);	/* takes its time: what was read before may be old */
		if (!err)
			err = look(s, ret, d);
	}
	if (!err && *ret == VR_SWITCH_ALREADY && s->sent)
		*ret = VR_SWITCH_READY;		/* by us: the answer was lost */
	else if (!err && *ret == VR_SWITCH_READY)
		err = go(s, d);
	return err;
}

enum vr_err vr_switcher_try(struct vr_switcher *s, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	enum vr_switch_verdict verdict = VR_SWITCH_WAIT;
	vr_cmds_clear(&s->talk.cmds);
	enum vr_err err = attempt(s, &verdict, d);
	if (err == VR_E_FENCED) {
		verdict = VR_SWITCH_AGAIN;
		err = VR_OK;
	}
	if (!err)
		*ret = verdict;
	return err;
}
