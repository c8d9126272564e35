/* SPDX-License-Identifier: Apache-2.0 */
#include "heed.h"

#include <stdlib.h>

#include "clock.h"
#include "parts.h"

enum { OLD_MS = 3000, STALE_MS = 10000, RATE_LEAST = 1000 };

/* ------------------------------------------------ how live fares ---------------------- */

static int64_t sum_offsets(const struct vr_reply *parts)
{
	int64_t sum = 0;
	for (size_t i = 0; i + 1 < parts->n; i += 2)
		if (parts->elem[i + 1].type == VR_REPLY_STR)
			sum += strtoll(parts->elem[i + 1].str.p, NULL, 10);
	return sum;
}

/* What it does in a second, as its merged views tell. */
static void learn_rate(struct vr_heed *h, int64_t stamp, int64_t sum)
{
	if (stamp <= h->stamp)
		return;
	double rate = (double)(sum - h->sum) * 1000 / (double)(stamp - h->stamp);
	if (h->words > 0 && sum >= h->sum)
		h->rate = h->words == 1 ? rate : (h->rate + rate) / 2;
	h->words++;
	h->stamp = stamp;
	h->sum = sum;
}

/* In milliseconds, once that rate is known. */
static int64_t records_wait(const struct vr_heed *h, int64_t records)
{
	double rate = h->rate > RATE_LEAST ? h->rate : RATE_LEAST;
	return h->words < 2 ? 0 : (int64_t)((double)records * 1000 / rate);
}

/* How long its records wait: those that became visible did, and what lies in Kafka will at the rate it goes at. Views that
 * stand still are of a live that is down, and one that gets nothing has nobody waiting: < 0. */
static struct vr_span live_lag(struct vr_heed *h, struct vr_span age, const struct vr_reply *meta, const struct vr_reply *parts)
{
	int64_t stamp = vr_reply_field_i64(meta, "updated_ms"), waited = vr_reply_field_i64(meta, "wait_ms");
	if (age.ms > STALE_MS)
		return (struct vr_span){-1};
	learn_rate(h, stamp, sum_offsets(parts));
	int64_t waits = records_wait(h, vr_reply_field_i64(meta, "lag_records")), lag = waits > waited ? waits : waited;
	return (struct vr_span){lag > 0 ? lag : -1};
}

/* Nobody goes faster for what was said a while ago: at its limit the pace stays as it is. */
static struct vr_span at_least(struct vr_span lag, struct vr_span limit) { return lag.ms > limit.ms ? lag : limit; }

static void hear(struct vr_replay *r, const struct vr_reply *meta, const struct vr_reply *parts)
{
	struct vr_span interval = r->config->publisher_interval;
	struct vr_span age = {vr_clock_wall().ms - vr_reply_field_i64(meta, "updated_ms") - interval.ms};
	r->heed.lag = live_lag(&r->heed, age, meta, parts);
	if (age.ms + interval.ms > OLD_MS && age.ms <= STALE_MS)
		r->heed.lag = at_least(r->heed.lag, r->pace.max_lag);
}

/* *ret_took is Redis' latency. False: it did not answer. */
static bool ask_live(struct vr_replay *r, struct vr_span *ret_took)
{
	struct vr_talk t;
	struct vr_diag d;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta");
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta:parts");
	int64_t begin = vr_clock_mono().ms;
	bool up = vr_talk_ask(&t, &d) == VR_OK;
	if (up)
		hear(r, &t.r.at[0], &t.r.at[1]);
	*ret_took = (struct vr_span){vr_clock_mono().ms - begin};
	vr_talk_close(&t);
	return up;
}

void vr_replay_heed(struct vr_replay *r)
{
	struct vr_span took;
	bool up = ask_live(r, &took);
	vr_pace_tell(&r->pace, r->heed.lag, took, vr_clock_mono());
	atomic_store(&r->alone, r->heed.lag.ms < 0);
	vr_report_redis(r->report, up);
}
