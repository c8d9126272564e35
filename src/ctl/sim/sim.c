/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "text.h"
#include "world.h"

#define HOUR_MS 3600000.0
#define ZONE_HOURS 8			/* whose day and night it is */
#define BIRTH_MAX 0.05			/* at most this part of all acts is a birth */
#define SHARE_AFTER_INTENT 0.62
#define UNSHARE_AFTER_SHARE 0.012
#define ACTORS 2e7
#define PULL_OF_BOUGHT 0.03F		/* a share that was paid for hardly draws another */

/* What people do who see something; the rest of 1 is impressions. */
static const struct { enum vr_action action; double weight; } habits[] = {
	{VR_ACTION_VIEW, .21}, {VR_ACTION_LIKE, .11}, {VR_ACTION_SHARE_INTENT, .09}, {VR_ACTION_SHARE, .04},
	{VR_ACTION_COMMENT, .03}, {VR_ACTION_SAVE, .02}, {VR_ACTION_MENTION, .01}, {VR_ACTION_CONVERSION, .006},
	{VR_ACTION_HIDE, .005}, {VR_ACTION_REPORT, .001},
};
enum { HABITS = sizeof(habits) / sizeof(habits[0]) };

/* Hour of the day -> activity; the mean is 1. */
static const double day[24] = {.55, .35, .22, .15, .13, .18, .40, .75, 1.00, 1.10, 1.12, 1.20,
	1.40, 1.30, 1.10, 1.10, 1.12, 1.20, 1.40, 1.65, 1.85, 2.00, 1.66, 1.07};

struct vr_sim {
	struct vr_mem *mem;
	struct vr_sim_config config;
	struct vr_sim_rng rng;
	struct vr_sim_world world;
	struct vr_sim_agenda agenda;
	struct vr_sim_text text;
	double now_ms;			/* of the next act that follows from nothing */
	double gap_ms, birth;		/* mean time between such acts, part of them that are births */
	uint64_t events;
};

struct vr_sim_config vr_sim_config_default(void)
{
	return (struct vr_sim_config){
		.seed = 1,
		.rate = 1000,
		.start = {INT64_C(1767225600000)},
		.contents = 2000,
		.life = {3600000},
		.rhythm = true,
	};
}

static double habit_weight(enum vr_action action)
{
	for (unsigned i = 0; i < HABITS; i++)
		if (habits[i].action == action)
			return habits[i].weight;
	return 0;
}

/* Acts that follow from one act, on average: so many fewer begin by themselves. */
static double followers(double birth, double duplicates)
{
	double seen = 1 - birth;
	double intents = seen * habit_weight(VR_ACTION_SHARE_INTENT);
	double shares = birth + seen * habit_weight(VR_ACTION_SHARE) + intents * SHARE_AFTER_INTENT;
	double unshares = shares * UNSHARE_AFTER_SHARE;

	return intents + unshares + (shares + unshares) * duplicates;
}

static void set_pace(struct vr_sim *sim)
{
	const struct vr_sim_config *c = &sim->config;
	double births_per_s = c->contents * 1000.0 / (double)c->life.ms;

	sim->birth = c->zipf > 0 ? 0 : fmin(BIRTH_MAX, births_per_s / c->rate);
	sim->gap_ms = (1 + followers(sim->birth, c->duplicates)) * 1000 / c->rate;
}

static enum vr_err check_config(const struct vr_sim_config *c, struct vr_diag *d)
{
	const struct { bool good; const char *what; } checks[] = {
		{c->rate > 0 && c->rate <= 1e9, "rate: more than 0 and at most 1e9 events a second"},
		{c->contents >= 1 && c->contents <= 16000000, "contents: 1 to 16000000"},
		{c->zipf >= 0 && c->zipf <= 10, "zipf: 0 to 10"},
		{c->duplicates >= 0 && c->duplicates <= 1, "duplicates: 0 to 1"},
		{c->late >= 0 && c->late <= 1, "late: 0 to 1"},
		{c->life.ms >= 1000, "life: a second at least"},
		{c->start.ms > 0 && c->start.ms < INT64_C(4102444800000), "start: 1970 to 2099"},
	};

	for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i].good)
			return vr_diag_set(d, VR_E_CONFIG, "simulation", "%s", checks[i].what);
	return VR_OK;
}

static enum vr_err start(struct vr_sim *sim)
{
	const struct vr_sim_config *c = &sim->config;
	double agenda = fmin(fmax(c->rate * 8, 1024), 1 << 20);
	enum vr_err err;

	vr_sim_rng_init(&sim->rng, c->seed);
	vr_sim_text_init(&sim->text, c->seed);
	sim->now_ms = (double)c->start.ms;
	set_pace(sim);
	err = vr_sim_agenda_init(&sim->agenda, sim->mem, (size_t)agenda);
	return err ? err : vr_sim_world_init(&sim->world, sim->mem, c, &sim->rng);
}

enum vr_err vr_sim_new(
	struct vr_mem *mem, const struct vr_sim_config *config, struct vr_sim **ret, struct vr_diag *d)
{
	enum vr_err err = check_config(config, d);
	struct vr_sim *sim;

	if (err)
		return err;
	sim = vr_mem_get(mem, sizeof(*sim));
	if (!sim)
		return VR_E_NOMEM;
	*sim = (struct vr_sim){.mem = mem, .config = *config};
	err = start(sim);
	if (err) {
		vr_sim_free(sim);
		return err;
	}
	*ret = sim;
	return VR_OK;
}

void vr_sim_free(struct vr_sim *sim)
{
	if (!sim)
		return;
	vr_sim_world_done(&sim->world);
	vr_sim_agenda_done(&sim->agenda);
	vr_mem_put(sim->mem, sim, sizeof(*sim));
}

static enum vr_action draw_action(struct vr_sim_rng *rng)
{
	double u = vr_sim_rng_unit(rng);

	for (unsigned i = 0; i < HABITS; i++) {
		if (u < habits[i].weight)
			return habits[i].action;
		u -= habits[i].weight;
	}
	return VR_ACTION_IMPRESSION;
}

/* A few people do very much: the numbers crowd near 1. */
static uint64_t draw_actor(struct vr_sim_rng *rng)
{
	double u = vr_sim_rng_unit(rng);

	return 1 + (uint64_t)(ACTORS * u * u * u);
}

/* Everything of an act that a share of the content is, given what was looked at. */
static void become_share(struct vr_sim *sim, struct vr_sim_act *act)
{
	struct vr_sim_rng *rng = &sim->rng;
	struct vr_sim_traits traits = vr_sim_traits_of(sim->config.seed, act->content);
	bool moves_on = vr_sim_rng_chance(rng, act->parent ? 0.25 : 0.4);

	if (moves_on)
		act->channel = vr_sim_channel_draw(rng);
	act->action = VR_ACTION_SHARE;
	act->scope = (uint8_t)vr_sim_scope_draw(act->channel, rng);
	act->audience = vr_sim_audience_draw(act->channel, (enum vr_scope)act->scope, rng);
	act->incentivized = vr_sim_rng_chance(rng, traits.bought);
	act->root = act->root ? act->root : act->event;
	act->depth++;
}

static struct vr_sim_act act_in(struct vr_sim *sim, const struct vr_sim_slot *slot)
{
	struct vr_sim_traits traits = vr_sim_traits_of(sim->config.seed, slot->content);
	int64_t born_ms = sim->world.zipf.n ? sim->config.start.ms : (int64_t)slot->born_ms;

	return (struct vr_sim_act){
		.due_ms = sim->now_ms,
		.time_ms = (int64_t)sim->now_ms,
		.event = ++sim->events,
		.content = slot->content,
		.place = vr_sim_world_place(&sim->world, slot),
		.actor = draw_actor(&sim->rng),
		.channel = traits.channel,
		.deadline_ms = traits.deadline.ms ? born_ms + traits.deadline.ms : 0,
	};
}

/* Somebody who looks at a share that came to them, or at the content itself. */
static struct vr_sim_act seen_act(struct vr_sim *sim)
{
	struct vr_sim_slot *slot = vr_sim_world_pick(&sim->world, &sim->rng, sim->now_ms);
	const struct vr_sim_share *source = vr_sim_slot_source(slot, &sim->rng);
	struct vr_sim_act act = act_in(sim, slot);

	if (source) {
		act.parent = source->event;
		act.parent_ms = source->time_ms;
		act.root = source->root;
		act.depth = source->depth;
		act.channel = source->channel;
		act.scope = source->scope;
		act.tie = (uint8_t)vr_sim_tie_draw((enum vr_scope)source->scope, &sim->rng);
	}
	act.action = (uint8_t)draw_action(&sim->rng);
	if (act.action == VR_ACTION_SHARE)
		become_share(sim, &act);
	return act;
}

static struct vr_sim_act birth_act(struct vr_sim *sim)
{
	struct vr_sim_act act = act_in(sim, vr_sim_world_birth(&sim->world, &sim->rng, sim->now_ms));

	become_share(sim, &act);
	return act;
}

static void schedule(struct vr_sim *sim, struct vr_sim_act act, double delay_ms)
{
	act.due_ms += delay_ms;
	(void)vr_sim_agenda_push(&sim->agenda, &act);
}

/* The dialog is open: seconds later it was shared, or not. */
static void follow_intent(struct vr_sim *sim, const struct vr_sim_act *intent)
{
	struct vr_sim_act then = *intent;

	then.event = ++sim->events;
	then.action = VR_ACTION_SHARE_CANCEL;
	if (vr_sim_rng_chance(&sim->rng, SHARE_AFTER_INTENT))
		become_share(sim, &then);
	schedule(sim, then, 800 + vr_sim_rng_exponential(&sim->rng, 5000));
}

static void follow_share(struct vr_sim *sim, const struct vr_sim_act *share)
{
	struct vr_sim_act undo = *share;

	if (!vr_sim_rng_chance(&sim->rng, UNSHARE_AFTER_SHARE))
		return;
	undo.event = ++sim->events;
	undo.action = VR_ACTION_UNSHARE;
	undo.parent = share->event;
	undo.parent_ms = share->time_ms;
	undo.audience = 0;
	undo.incentivized = false;
	schedule(sim, undo, 2000 + vr_sim_rng_exponential(&sim->rng, 90000));
}

static void follow(struct vr_sim *sim, const struct vr_sim_act *act)
{
	bool counted_once = act->action == VR_ACTION_SHARE || act->action == VR_ACTION_UNSHARE;
	struct vr_sim_act again = *act;

	if (act->action == VR_ACTION_SHARE_INTENT)
		follow_intent(sim, act);
	if (act->action == VR_ACTION_SHARE)
		follow_share(sim, act);
	if (counted_once && vr_sim_rng_chance(&sim->rng, sim->config.duplicates)) {
		again.repeat = true;
		schedule(sim, again, vr_sim_rng_exponential(&sim->rng, 20000));
	}
}

static void remember(struct vr_sim *sim, const struct vr_sim_act *act)
{
	struct vr_sim_slot *slot = vr_sim_world_at(&sim->world, act->place, act->content);
	struct vr_sim_share share = {
		.event = act->event, .root = act->root, .time_ms = act->time_ms, .depth = act->depth,
		.channel = act->channel, .scope = act->scope,
	};

	if (!slot)
		return;
	share.pull = (float)log1p((double)act->audience) / 5 * (act->incentivized ? PULL_OF_BOUGHT : 1);
	vr_sim_world_share(&sim->world, slot, &share, act->due_ms);
}

static double activity(const struct vr_sim *sim)
{
	double hours = sim->now_ms / HOUR_MS + ZONE_HOURS, hour = floor(hours);
	unsigned h = (unsigned)(int64_t)fmod(hour, 24);

	if (!sim->config.rhythm)
		return 1;
	return day[h] + (day[(h + 1) % 24] - day[h]) * (hours - hour);
}

static struct vr_sim_act next_act(struct vr_sim *sim)
{
	const struct vr_sim_act *first = vr_sim_agenda_first(&sim->agenda);
	struct vr_sim_act act;

	if (first && first->due_ms <= sim->now_ms)
		return vr_sim_agenda_pop(&sim->agenda);
	act = vr_sim_rng_chance(&sim->rng, sim->birth) ? birth_act(sim) : seen_act(sim);
	sim->now_ms += vr_sim_rng_exponential(&sim->rng, sim->gap_ms) / activity(sim);
	return act;
}

/* Phones without a net send hours later what happened then. */
static void make_late(struct vr_sim *sim, struct vr_sim_act *act)
{
	if (vr_sim_rng_chance(&sim->rng, sim->config.late))
		act->time_ms -= (int64_t)fmin(vr_sim_rng_lognormal(&sim->rng, 300000, 1.8), 72 * HOUR_MS);
}

void vr_sim_next(struct vr_sim *sim, struct vr_event *ret_ev)
{
	struct vr_sim_act act = next_act(sim);

	if (!act.repeat) {
		act.time_ms = (int64_t)act.due_ms;
		make_late(sim, &act);
		if (act.action == VR_ACTION_SHARE)
			remember(sim, &act);
		follow(sim, &act);
	}
	vr_sim_text_event(&sim->text, &act, ret_ev);
}
