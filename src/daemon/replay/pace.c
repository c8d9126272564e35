/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#define RATE_FIRST 50000.0
#define RATE_LEAST 1000.0
#define RATE_MOST 1e8
#define GROWTH 1.15		/* ten times a second: from a thousand to a million in five seconds */
#define BURST_S 0.1		/* tokens are kept for so long */
#define PORTIONS 4		/* at least such a part of a burst is given: a batch of three records costs as much as one of hundreds */

void vr_pace_init(struct vr_pace *p, int64_t cap, struct vr_span max_lag, struct vr_span max_latency, struct vr_mono now)
{
	*p = (struct vr_pace){.cap = (double)cap, .rate = RATE_FIRST, .max_lag = max_lag, .max_latency = max_latency, .lag = {-1},
		.latency = {-1}, .filled = now};
	if (cap > 0 && p->cap < p->rate)
		p->rate = p->cap;
	pthread_mutex_init(&p->lock, NULL);
}

void vr_pace_done(struct vr_pace *p) { pthread_mutex_destroy(&p->lock); }

static double burst(const struct vr_pace *p) { return p->rate * BURST_S > 1 ? p->rate * BURST_S : 1; }

/* Lock held. */
static void fill(struct vr_pace *p, struct vr_mono now)
{
	double most = burst(p);
	if (now.ms <= p->filled.ms)
		return;		/* who asked first may come second */
	p->tokens += p->rate * (double)(now.ms - p->filled.ms) / 1000;
	p->tokens = p->tokens > most ? most : p->tokens;
	p->filled = now;
}

size_t vr_pace_ask(struct vr_pace *p, size_t wanted, struct vr_mono now)
{
	pthread_mutex_lock(&p->lock);
	fill(p, now);
	size_t n = p->tokens < (double)wanted ? (size_t)(p->tokens > 0 ? p->tokens : 0) : wanted;
	if (n < wanted && p->tokens < burst(p) / PORTIONS)
		n = 0;
	p->is_short |= n < wanted;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void vr_pace_took(struct vr_pace *p, size_t n)
{
	pthread_mutex_lock(&p->lock);
	p->tokens -= (double)n;
	pthread_mutex_unlock(&p->lock);
}

static bool lags(const struct vr_pace *p) { return p->lag.ms > p->max_lag.ms; }
static bool is_slow(const struct vr_pace *p) { return p->latency.ms > p->max_latency.ms; }

void vr_pace_tell(struct vr_pace *p, struct vr_span lag, bool is_news, struct vr_span latency)
{
	pthread_mutex_lock(&p->lock);
	p->lag = lag;
	p->latency = latency;
	double most = p->cap > 0 ? p->cap : RATE_MOST, least = p->cap > 0 && p->cap < RATE_LEAST ? p->cap : RATE_LEAST;
	if (is_slow(p) || (lags(p) && is_news))
		p->rate /= 2;
	else if (!lags(p) && p->is_short)	/* what is not used up does not grow: it would take long to come down again */
		p->rate *= GROWTH;
	p->is_short = false;
	p->rate = p->rate < least ? least : p->rate > most ? most : p->rate;
	pthread_mutex_unlock(&p->lock);
}

const char *vr_pace_held(const struct vr_pace *p) { return lags(p) ? "live lags" : is_slow(p) ? "Redis is slow" : NULL; }
