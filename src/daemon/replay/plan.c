/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - what is there, what is asked for, and whether both can be. */
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "parts.h"
#include "virality/rulefile.h"

/* ------------------------------------------------ rules -------------------------------- */

/* Those of --rules, if it is given. */
static enum vr_err give_rules(struct vr_replay *r, struct vr_generation *ret, struct vr_diag *d)
{
	struct vr_str path = vr_str_c(r->options->rules);
	struct vr_str_list files = {&path, 1};
	struct vr_rulefile *file;
	if (!r->options->rules)
		return VR_OK;
	if (vr_settings_rulefile(&files, &r->config->windows, &r->mem, &file))
		return vr_diag_set(d, VR_E_CONFIG, "--rules", "%s cannot be used, see above", r->options->rules);
	struct vr_str text = vr_rulefile_json(file);
	ret->rules = VR_GENERATION_RULES_GIVEN;
	/* Not strndup: the text has no end but its length. */
	ret->rules_text = calloc(1, text.n + 1);
	if (ret->rules_text)
		memcpy(ret->rules_text, text.p, text.n);
	vr_str_copy(ret->rules_hash, sizeof(ret->rules_hash), vr_rulefile_hash(file));
	vr_rulefile_free(file);
	return ret->rules_text ? VR_OK : VR_E_NOMEM;
}

/* ------------------------------------------------ a new one, or one that goes on ------- */

static void name_new(struct vr_replay *r)
{
	time_t now = (time_t)(vr_clock_wall().ms / 1000);
	struct tm tm;
	if (r->options->name) {
		vr_str_copy(r->gen.name, sizeof(r->gen.name), vr_str_c(r->options->name));
		return;
	}
	gmtime_r(&now, &tm);
	strftime(r->gen.name, sizeof(r->gen.name), r->options->dry_run ? "dry-run-%Y%m%d-%H%M%S" : "replay-%Y%m%d-%H%M%S", &tm);
}

static enum vr_err plan_new(struct vr_replay *r, struct vr_diag *d)
{
	r->is_new = true;
	name_new(r);
	r->gen.made = true;
	r->gen.state = r->options->dry_run ? VR_GENERATION_DRY : VR_GENERATION_FILLING;
	r->gen.created = vr_clock_wall();
	enum vr_err err = vr_replay_find_parts(r, d);
	if (!err)
		err = give_rules(r, &r->gen, d);
	if (!err)
		err = vr_replay_read_live(r, d);
	if (!err)
		err = vr_replay_find_bounds(r, d);
	if (!err && r->config->replay_memory_check)
		err = vr_replay_ask_memory(r, d);
	return err;
}

static bool differs(const char *asked, const char *has) { return asked && strcmp(asked, has) != 0; }

/* Options that are given again must be as they were: a unit gives the same ones at every start. */
static enum vr_err is_as_begun(struct vr_replay *r, bool *ret, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	const struct vr_generation *g = &r->gen;
	struct vr_generation asked = {0};
	bool same = !differs(o->from, g->from) && !differs(o->to, g->to) && vr_replay_has_topics(r);
	enum vr_err err = give_rules(r, &asked, d);
	*ret = same && (!o->rules || (g->rules == VR_GENERATION_RULES_GIVEN && strcmp(asked.rules_hash, g->rules_hash) == 0));
	vr_generation_done(&asked);
	return err;
}

/* What was live before is resumed up to live. */
static enum vr_err plan_again(struct vr_replay *r, struct vr_diag *d)
{
	bool retired = r->gen.state == VR_GENERATION_RETIRED, same = false;
	if (!r->gen.made)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "nothing says how generation '%s' of the spare database came about", r->gen.name);
	enum vr_err err = is_as_begun(r, &same, d);
	if (!err && !same)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "generation '%s' was begun from %s to %s with %s rules, and goes on as it was begun: leave "
			"--from, --to, --rules and --topic out or as they were, or begin anew with --discard %s", r->gen.name, r->gen.from, r->gen.to,
			vr_generation_rules_name(r->gen.rules), r->gen.name);
	if (!err)
		err = vr_replay_tie_parts(r, d);
	if (!err)
		err = vr_replay_read_live(r, d);
	if (!err && !retired)
		err = vr_replay_check_runner(r, d);
	return err;
}

/* ------------------------------------------------ what the spare database holds -------- */

/* Only what is ours, under one name, may be gone on with or thrown away. */
static enum vr_err look_at_spare(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_generation_census census;
	enum vr_err err = vr_replay_count(r, &census, d);
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

static bool is(const char *asked, const char *name) { return asked && strcmp(asked, name) == 0; }

/* Not yet: what is asked for instead may turn out to be wrong. A dry run throws away what a dry run left, and nothing else. */
static enum vr_err throw_away(struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	bool rubbish = r->gen.made && r->gen.state == VR_GENERATION_DRY, looks = o->dry_run && !is(o->name, r->gen.name);
	if (!r->gen.name[0] || (!rubbish && !looks && !is(o->discard, r->gen.name)))
		return VR_OK;
	r->held = o->dry_run && !rubbish;
	enum vr_err err = r->held ? VR_OK : vr_replay_check_runner(r, d);
	vr_str_copy(r->gone, sizeof(r->gone), vr_str_c(r->gen.name));
	if (!err)
		vr_generation_done(&r->gen);
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
	r->already = o->switches && o->name && strcmp(o->name, r->live_name) == 0;
	if (o->name && strcmp(o->name, r->live_name) == 0)
		return r->already ? VR_OK : vr_diag_set(d, VR_E_REFUSED, "--name", "generation '%s' is live", o->name);
	if (o->name && !again && !vr_generation_name_ok(vr_str_c(o->name)))
		return vr_diag_set(d, VR_E_CONFIG, "--name", "`%.64s` cannot name a generation: letters, digits, . _ - and at most %d of them, not '%s'",
			o->name, VR_GENERATION_MAX, VR_GENERATION_FIRST);
	if (r->gen.name[0] && !again)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "the spare database holds generation '%s': go on with it (--name %s), or throw it away "
			"(--discard %s)", r->gen.name, r->gen.name, r->gen.name);
	return VR_OK;
}

/* ------------------------------------------------ the plan ----------------------------- */

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
			.end = follows && !lost ? INT64_MAX : p->end, .rules = shadow_rules(r->gen.rules), .viewless = r->options->dry_run,
			.lost = lost, .hurries = &r->hurries, .alone = &r->alone};
	}
}

enum vr_err vr_replay_plan(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = look_at_spare(r, d);
	if (!err)
		err = throw_away(r, d);
	if (!err)
		err = check_names(r, d);
	if (r->already)
		return err;
	if (!err)
		err = r->gen.name[0] ? plan_again(r, d) : plan_new(r, d);
	if (!err && r->gen.state == VR_GENERATION_RETIRED)
		vr_str_copy(r->gen.to, sizeof(r->gen.to), vr_str_c("live"));
	return err;
}

/* ------------------------------------------------ it begins --------------------------- */

static enum vr_err check_held(const struct vr_replay *r, struct vr_diag *d)
{
	const char *name = r->held ? r->gone : r->gen.name;
	if (!r->options->dry_run || (r->is_new && !r->held))
		return VR_OK;
	return vr_diag_set(d, VR_E_REFUSED, "redis", "a dry run folds into the spare database, which holds generation '%s', and leaves that alone. "
		"What that one would change: viralctl diff %s. To have another in its place, which changes nothing that is live: virald replay "
		"--discard %s, and then viralctl diff", name, name, name);
}

enum vr_err vr_replay_begin(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = check_held(r, d);
	if (!err)
		err = vr_replay_check_memory(r, d);
	if (!err && r->gone[0])
		err = vr_replay_discard(r, r->gone, d);
	if (!err)
		err = vr_replay_write(r, d);
	if (!err)
		make_shadows(r);
	return err;
}
