/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include <math.h>

#define RATE_FIRST 50000.0
#define RATE_LEAST 1000.0
#define RATE_MOST 1e8
/* The rate's logarithm, a second: what is too much goes faster than it came. Live's word is up to two seconds old. */
#define GAIN_UP 0.35
#define GAIN_DOWN 1.0
#define GAIN_ALONE 4.6		/* nobody is disturbed: a hundredfold */
#define LOAD_MOST 4.0
#define USED_S 0.5		/* so long ago is `lately` */
#define USED_PART 0.5		/* less of the rate than this is not used up */
#define LOOK_S 1.0		/* a longer pause between two tellings counts so long */
#define BURST_S 0.1		/* tokens are kept for so long */
#define PORTIONS 4		/* at least such a part of a burst is given: a batch of three records costs as much as one of hundreds */

void vr_pace_init(struct vr_pace *p, int64_t cap, struct vr_span max_lag, struct vr_span max_latency, struct vr_mono now)
{
	*p = (struct vr_pace){.cap = (double)cap, .rate = RATE_FIRST, .used = RATE_FIRST, .max_lag = max_lag, .max_latency = max_latency, .lag = {-1},
		.latency = {-1}, .filled = now, .told = now};
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
	p->taken += (double)n;
	pthread_mutex_unlock(&p->lock);
}

static double load_of(struct vr_span span, struct vr_span most) { return (double)span.ms / (double)(most.ms > 0 ? most.ms : 1); }
static double lag_load(const struct vr_pace *p) { return load_of(p->lag, p->max_lag); }
static double latency_load(const struct vr_pace *p) { return load_of(p->latency, p->max_latency); }

/* The further from the limit the larger a step, so that it comes to rest near it. */
static double gain(const struct vr_pace *p)
{
	double load = fmin(fmax(lag_load(p), latency_load(p)), LOAD_MOST);
	if (load > 1)
		return GAIN_DOWN * (1 - load);
	if (p->is_short && p->lag.ms < 0)
		return GAIN_ALONE;
	/* What is not used up does not grow: it would take long to come down again. */
	return p->is_short && p->used >= USED_PART * p->rate ? GAIN_UP * (1 - load) : 0;
}

static void note_used(struct vr_pace *p, struct vr_mono now)
{
	double passed = (double)(now.ms - p->told.ms) / 1000;
	if (passed <= 0)
		return;
	p->used += (1 - exp(-passed / USED_S)) * (p->taken / passed - p->used);
	p->taken = 0;
}

void vr_pace_tell(struct vr_pace *p, struct vr_span lag, struct vr_span latency, struct vr_mono now)
{
	pthread_mutex_lock(&p->lock);
	double most = p->cap > 0 ? p->cap : RATE_MOST, least = p->cap > 0 && p->cap < RATE_LEAST ? p->cap : RATE_LEAST;
	double passed = fmin((double)(now.ms - p->told.ms) / 1000, LOOK_S);
	note_used(p, now);
	p->told = now;
	p->lag = lag;
	p->latency = latency;
	p->rate *= exp(gain(p) * fmax(passed, 0));
	p->rate = fmin(fmax(p->rate, least), most);
	p->is_short = false;
	pthread_mutex_unlock(&p->lock);
}

const char *vr_pace_held(const struct vr_pace *p) { return lag_load(p) > 1 ? "live lags" : latency_load(p) > 1 ? "Redis is slow" : NULL; }
