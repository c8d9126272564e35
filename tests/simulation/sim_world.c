/* SPDX-License-Identifier: Apache-2.0 */
/* sim_world.c - everything a shard can reach: clocks, Kafka's word, dead letters, rules, notes. */
#include "sim.h"

static struct vr_mono mono(void *ctx)
{
	return (struct vr_mono){((struct sim_daemon *)ctx)->sim->now_ms};
}

static struct vr_wall wall(void *ctx)
{
	const struct sim_daemon *d = ctx;
	return (struct vr_wall){sim_wall(d->sim).ms + d->skew_ms};
}

static void token(void *ctx, char out[VR_TOKEN_LEN + 1])
{
	struct sim_daemon *d = ctx;
	(void)snprintf(out, VR_TOKEN_LEN + 1, "%016llx%016llx",
		(unsigned long long)vr_random_u64(&d->sim->random),
		(unsigned long long)vr_random_u64(&d->sim->random));
}

static size_t headers(void *ctx, const struct vr_feed_item *item, struct vr_header *out, size_t n)
{
	(void)ctx;
	if (!((const struct sim_record *)item->message)->tick || n == 0)
		return 0;
	out[0] =
		(struct vr_header){.name = VR_STR(VR_CODEC_TICK_HEADER), .value = VR_STR("1"), .has_value = true};
	return 1;
}

static enum vr_err bounds(void *ctx, const struct vr_topic_part *part, int64_t *ret_first, int64_t *ret_end)
{
	struct sim_daemon *d = ctx;
	if (sim_once_in(d->sim, d->sim->mood.link / 4))
		return VR_E_AWAY;
	const struct sim_log *log = sim_log_of(d->sim, part->partition);
	*ret_first = log->first;
	*ret_end = log->end;
	return VR_OK;
}

static enum vr_err committed(void *ctx, const struct vr_topic_part *part, int64_t *ret_off)
{
	*ret_off = ((struct sim_daemon *)ctx)->sim->committed[part->partition];
	return VR_OK;
}

static void commit(void *ctx, const struct vr_topic_part *part, int64_t next_off)
{
	struct sim *s = ((struct sim_daemon *)ctx)->sim;
	if (!((struct sim_daemon *)ctx)->config.shadow && !sim_once_in(s, 5))
		s->committed[part->partition] = next_off;
}

static const struct vr_rules *rules(void *ctx, uint32_t no, uint32_t *ret_no)
{
	const struct sim_daemon *d = ctx;
	if (d->config.shadow && d->config.shadow->rules == VR_SHADOW_RULES_LAST) { /* it knows no list */
		*ret_no = 1;
		return no <= 1 ? d->sim->fixed->rules[d->sim->given] : NULL;
	}
	if (no == 0)
		no = d->listed;
	if (no == 0 || no > d->sim->listed)
		return NULL;
	*ret_no = no;
	return d->sim->fixed->rules[d->sim->list[no - 1]];
}

static void dead_letter(void *ctx, const struct vr_topic_part *part, const struct vr_feed_item *item,
	enum vr_err why, const char *what)
{
	struct sim_daemon *d = ctx;
	(void)part;
	(void)why;
	(void)what;
	struct sim_record *r = (struct sim_record *)(uintptr_t)item->message;
	for (size_t i = 0; i < d->letters; i++)
		if (d->letter[i] == r)
			return;
	VR_ASSERT(d->letters < SIM_LETTERS);
	d->letter[d->letters++] = r;
}

static enum vr_err settle(void *ctx, int64_t *known)
{
	struct sim_daemon *d = ctx;
	struct sim *s = d->sim;
	if (d->letters > 0 && s->letters_down) {
		s->totals->hit[SIM_HIT_LETTERS_DOWN]++;
		return VR_E_DLQ;
	}
	if (d->letters > 0 && sim_once_in(s, s->mood.letters)) {
		s->totals->hit[SIM_HIT_LETTERS_FAILED]++;
		d->letters_failed += (int64_t)d->letters;
		d->letters = 0;
	}
	for (size_t i = 0; i < d->letters; i++)
		d->letter[i]->lettered = true;
	s->totals->hit[SIM_HIT_LETTER] += d->letters;
	d->letters = 0;
	bool news = d->letters_failed != *known;
	*known = d->letters_failed;
	return news ? VR_E_LOST_LINK : VR_OK;
}

/* A replay's pace may allow none. */
static size_t turn(void *ctx, size_t n)
{
	struct sim *s = ((struct sim_daemon *)ctx)->sim;
	return (size_t)sim_between(s, 0, (int64_t)n);
}

static void note(void *ctx, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n,
	const char *text)
{
	static const enum sim_hit hit[VR_NOTES] = {[VR_NOTE_ACQUIRED] = SIM_HIT_ACQUIRED,
		[VR_NOTE_BEGAN] = SIM_HIT_BEGAN,
		[VR_NOTE_CUT] = SIM_HIT_CUT,
		[VR_NOTE_OVERSIZE] = SIM_HIT_OVERSIZE,
		[VR_NOTE_FOLDED] = SIM_HIT_FOLDED,
		[VR_NOTE_DUPLICATE] = SIM_HIT_DUPLICATE,
		[VR_NOTE_PASSED] = SIM_HIT_PASSED,
		[VR_NOTE_LATE] = SIM_HIT_LATE,
		[VR_NOTE_CLOCK_AHEAD] = SIM_HIT_AHEAD,
		[VR_NOTE_UNCHECKED] = SIM_HIT_UNCHECKED,
		[VR_NOTE_MISKEYED] = SIM_HIT_MISKEYED,
		[VR_NOTE_REFUSED] = SIM_HIT_REFUSED,
		[VR_NOTE_GAP] = SIM_HIT_GAP_GONE_ON,
		[VR_NOTE_VIEW_ERROR] = SIM_HIT_VIEW_REPAIRED,
		[VR_NOTE_RULES] = SIM_HIT_RULES_TAKEN,
		[VR_NOTE_ALERT] = SIM_HIT_ALERT_SAID,
		[VR_NOTE_COMPLETE] = SIM_HIT_COMPLETE};
	const struct sim_daemon *d = ctx;
	struct sim *s = d->sim;
	if (note != VR_NOTE_GAP || d->config.on_gap == VR_POLICY_GO_ON)
		s->totals->hit[hit[note]]++;
	s->totals->hit[SIM_HIT_REFUSED_AHEAD] += note == VR_NOTE_REFUSED && err == VR_E_KAFKA_AHEAD;
	if (note != VR_NOTE_FOLDED)
		sim_tell(s, "daemon %d partition %d notes %d: %s %lld %s", d->number, part->partition, (int)note,
			vr_err_name(err), (long long)n, text);
}

struct vr_world sim_world_of(struct sim_daemon *d)
{
	return (struct vr_world){.ctx = d,
		.redis = {.exchange = sim_daemon_exchange, .ctx = d},
		.mono = mono,
		.wall = wall,
		.token = token,
		.headers = headers,
		.bounds = bounds,
		.committed = committed,
		.commit = commit,
		.rules = rules,
		.dead_letter = dead_letter,
		.settle = settle,
		.turn = turn,
		.note = note};
}
