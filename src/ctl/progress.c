/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include "clock.h"
#include "virality/progress.h"
#include "virality/term.h"

enum { BAR_MS = 100, JSON_MS = 1000, LINE_MS = 30000, LOOK_EVERY = 64, BAR_CELLS = 24 };

void vr_progress_start(struct vr_progress *p, const char *who, uint64_t total, bool silent)
{
	const char *term = getenv("TERM");

	*p = (struct vr_progress){.who = who, .total = total, .silent = silent};
	/* A pipeline whose end is a terminal would be drawn over: both must be one. */
	p->bar = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) &&
			 !(term && vr_str_eq(vr_str_c(term), VR_STR("dumb")));
	p->started = p->shown = vr_ctl_now();
}

static void clear_line(void)
{
	fputs("\r\033[K", stderr);
}

static double part_of(const struct vr_progress *p)
{
	return p->total == 0 ? 0 : p->done < p->total ? (double)p->done / (double)p->total : 1;
}

static void put_bar(double part)
{
	int full = (int)(part * BAR_CELLS);

	fputc('[', stderr);
	for (int i = 0; i < BAR_CELLS; i++)
		fputc(i < full ? '#' : '-', stderr);
	fprintf(stderr, "] %5.1f%%  ", part * 100);
}

/* Seconds that are left, or -1. */
static int64_t time_left(const struct vr_progress *p)
{
	if (!p->total || p->done_rate < 1e-6)
		return -1;
	return p->done < p->total ? (int64_t)((double)(p->total - p->done) / p->done_rate) : 0;
}

static void put_time_left(const struct vr_progress *p)
{
	int64_t s = time_left(p);

	if (s >= 0)
		fprintf(stderr, "  ETA %" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
}

static void put_event_time(struct vr_wall at)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena arena;
	struct vr_str text;

	vr_arena_init(&arena, &mem, 512);
	text = vr_ctl_time(&arena, at.ms);
	fprintf(stderr, "  at %.*s", (int)text.n, text.p);
	vr_arena_done(&arena);
}

static void put_json(const struct vr_progress *p, struct vr_wall at)
{
	fprintf(stderr, "{\"kind\":\"progress\",\"percent\":%.1f,\"events\":%" PRIu64 ",\"events_per_second\":%.0f",
		100 * part_of(p), p->events, p->rate);
	if (time_left(p) >= 0)
		fprintf(stderr, ",\"eta_s\":%" PRId64, time_left(p));
	fprintf(stderr, ",\"event_time_ms\":%" PRId64 "}\n", at.ms);
}

static void put_line(const struct vr_progress *p, struct vr_wall at)
{
	if (p->bar)
		clear_line();
	else
		fprintf(stderr, "%s: ", p->who);
	if (p->total && p->bar)
		put_bar(part_of(p));
	else if (p->total)
		fprintf(stderr, "%.1f%%  ", 100 * part_of(p));
	fprintf(stderr, "%" PRIu64 " events  %.0f events/s", p->events, p->rate);
	put_time_left(p);
	put_event_time(at);
	if (!p->bar)
		fputc('\n', stderr);
}

static void draw(struct vr_progress *p, struct vr_wall at)
{
	if (p->json)
		put_json(p, at);
	else
		put_line(p, at);
	fflush(stderr);
}

/* Half of the last reading, half of those before. */
static double mixed(double before, double now)
{
	return before > 0 ? (before + now) / 2 : now;
}

static void note_rates(struct vr_progress *p, struct vr_mono now)
{
	double s = (double)(now.ms - p->shown.ms) / 1000;

	p->done_rate = mixed(p->done_rate, (double)(p->done - p->shown_done) / s);
	p->rate = mixed(p->rate, (double)(p->events - p->shown_events) / s);
	p->shown = now;
	p->shown_done = p->done;
	p->shown_events = p->events;
}

static bool is_time(const struct vr_progress *p, struct vr_mono now)
{
	return now.ms - p->shown.ms >= (p->json ? JSON_MS : p->bar ? BAR_MS : LINE_MS);
}

void vr_progress_step(struct vr_progress *p, uint64_t done, uint64_t events, struct vr_wall at)
{
	struct vr_mono now;

	p->done = done;
	p->events = events;
	if (p->silent || ++p->look < LOOK_EVERY)
		return;
	p->look = 0;
	now = vr_ctl_now();
	if (!is_time(p, now))
		return;
	note_rates(p, now);
	draw(p, at);
}

void vr_progress_phase(struct vr_progress *p, const char *what, const char *name, double part)
{
	struct vr_mono now = vr_ctl_now();

	if (p->silent || p->json || !is_time(p, now))
		return;
	p->shown = now;
	if (p->bar) {
		clear_line();
		put_bar(part);
	} else {
		fprintf(stderr, "%s: %.1f%%  ", p->who, 100 * part);
	}
	fprintf(stderr, "%s ", what);
	vr_ctl_put_text(stderr, vr_str_c(name));
	if (!p->bar)
		fputc('\n', stderr);
	fflush(stderr);
}

void vr_progress_end(struct vr_progress *p)
{
	if (p->bar && !p->silent && !p->json)
		clear_line();
	fflush(stderr);
}
