/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include <stdio.h>
#include <time.h>

enum { BEAT_MAX_MS = 20000 };

static int64_t mono_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ------------------------------------------------ answers ------------------------------ */

static bool loop_goes_round(void *ctx, struct vr_buf *why)
{
	struct vr_standing *s = ctx;
	int64_t beat = atomic_load(&s->beat_ms), age = mono_ms() - beat;
	if (beat == 0 || age <= BEAT_MAX_MS)
		return true;
	vr_buf_c(why, "the main loop was last round ");
	vr_buf_i64(why, age / 1000);
	vr_buf_c(why, " s ago");
	return false;
}

static bool workers_go_round(void *ctx, struct vr_buf *why)
{
	struct vr_standing *s = ctx;
	if (atomic_load(&s->workers))
		return true;
	vr_buf_c(why, "a worker is stuck");
	return false;
}

static bool has_started(void *ctx, struct vr_buf *why)
{
	struct vr_standing *s = ctx;
	if (atomic_load(&s->ready))
		return true;
	pthread_mutex_lock(&s->lock);
	vr_buf_c(why, s->waiting[0] ? s->waiting : "it is still starting");
	pthread_mutex_unlock(&s->lock);
	return false;
}

static bool redis_answers(void *ctx, struct vr_buf *why)
{
	struct vr_standing *s = ctx;
	if (atomic_load(&s->redis))
		return true;
	vr_buf_c(why, "Redis did not answer the last question");
	return false;
}

static bool partitions_run(void *ctx, struct vr_buf *why)
{
	struct vr_standing *s = ctx;
	pthread_mutex_lock(&s->lock);
	vr_buf_c(why, s->partitions);
	bool ok = s->partitions[0] == '\0';
	pthread_mutex_unlock(&s->lock);
	return ok;
}

/* ------------------------------------------------ what is known ------------------------ */

void vr_standing_init(struct vr_standing *s)
{
	*s = (struct vr_standing){.workers = true};
	pthread_mutex_init(&s->lock, NULL);
	s->live[0] = (struct vr_health){"loop", loop_goes_round, s};
	s->live[1] = (struct vr_health){"workers", workers_go_round, s};
	s->ready_checks[0] = (struct vr_health){"started", has_started, s};
	s->ready_checks[1] = (struct vr_health){"redis", redis_answers, s};
	s->ready_checks[2] = (struct vr_health){"partitions", partitions_run, s};
}

void vr_standing_done(struct vr_standing *s) { pthread_mutex_destroy(&s->lock); }

void vr_standing_waits(struct vr_standing *s, const char *what)
{
	pthread_mutex_lock(&s->lock);
	snprintf(s->waiting, sizeof(s->waiting), "%s", what);
	pthread_mutex_unlock(&s->lock);
}

/* Waiting for dead letters or Redis is not named: that is the other check's, and passes by itself. */
void vr_standing_facts(struct vr_standing *s, const struct vr_slot_facts *facts, size_t n)
{
	size_t stopped = 0, acquiring = 0;
	const struct vr_slot_facts *one = NULL;
	for (size_t i = 0; i < n; i++) {
		bool stands = strcmp(facts[i].state, "stopped") == 0;
		stopped += stands;
		acquiring += strcmp(facts[i].state, "acquiring") == 0;
		one = stands ? &facts[i] : one;
	}
	pthread_mutex_lock(&s->lock);
	s->partitions[0] = '\0';
	if (one)
		snprintf(s->partitions, sizeof(s->partitions),
			"%zu of %zu stopped until an operator decides, such as %.150s:%d", stopped, n, one->topic,
			(int)one->partition);
	else if (acquiring > 0)
		snprintf(s->partitions, sizeof(s->partitions), "%zu of %zu are being acquired", acquiring, n);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->beat_ms, mono_ms());
}
