/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include "clock.h"
#include "progress.h"
#include "term.h"

enum { BAR_MS = 100, LINE_MS = 30000, LOOK_EVERY = 64, BAR_CELLS = 24 };

void vr_ctl_progress_start(struct vr_ctl_progress *p, uint64_t total, bool silent)
{
	const char *term = getenv("TERM");

	*p = (struct vr_ctl_progress){.total = total, .silent = silent};
	/* A pipeline whose end is a terminal would be drawn over: both must be one. */
	p->bar = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) &&
			 !(term && vr_str_eq(vr_str_c(term), VR_STR("dumb")));
	p->started = p->shown = vr_ctl_now();
}

static void clear_line(void)
{
	fputs("\r\033[K", stderr);
}

static void put_bar(double part)
{
	int full = (int)(part * BAR_CELLS);

	fputc('[', stderr);
	for (int i = 0; i < BAR_CELLS; i++)
		fputc(i < full ? '#' : '-', stderr);
	fprintf(stderr, "] %5.1f%%  ", part * 100);
}

static void put_time_left(const struct vr_ctl_progress *p)
{
	uint64_t s;

	if (!p->total || p->rate < 1e-6)
		return;
	s = (uint64_t)((double)(p->total - p->done) / p->rate);
	fprintf(stderr, "  ETA %" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
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

static void draw(struct vr_ctl_progress *p, struct vr_wall at)
{
	if (p->bar)
		clear_line();
	else
		fputs("viralctl: ", stderr);
	if (p->total && p->bar)
		put_bar((double)p->done / (double)p->total);
	else if (p->total)
		fprintf(stderr, "%.1f%%  ", 100 * (double)p->done / (double)p->total);
	fprintf(stderr, "%" PRIu64 " events  %.0f events/s", p->done, p->rate);
	put_time_left(p);
	put_event_time(at);
	if (!p->bar)
		fputc('\n', stderr);
	fflush(stderr);
}

/* Half of the last reading, half of those before. */
static void note_rate(struct vr_ctl_progress *p, struct vr_mono now)
{
	double s = (double)(now.ms - p->shown.ms) / 1000;
	double rate = s > 0 ? (double)(p->done - p->shown_done) / s : 0;

	p->rate = p->rate > 0 ? (p->rate + rate) / 2 : rate;
	p->shown = now;
	p->shown_done = p->done;
}

void vr_ctl_progress_step(struct vr_ctl_progress *p, uint64_t done, struct vr_wall at)
{
	struct vr_mono now;

	p->done = done;
	if (p->silent || ++p->look < LOOK_EVERY)
		return;
	p->look = 0;
	now = vr_ctl_now();
	if (now.ms - p->shown.ms < (p->bar ? BAR_MS : LINE_MS))
		return;
	note_rate(p, now);
	draw(p, at);
}

void vr_ctl_progress_phase(struct vr_ctl_progress *p, const char *what, const char *name, double part)
{
	struct vr_mono now = vr_ctl_now();

	if (p->silent || now.ms - p->shown.ms < (p->bar ? BAR_MS : LINE_MS))
		return;
	p->shown = now;
	if (p->bar) {
		clear_line();
		put_bar(part);
	} else {
		fprintf(stderr, "viralctl: %.1f%%  ", 100 * part);
	}
	fprintf(stderr, "%s ", what);
	vr_ctl_put_text(stderr, vr_str_c(name));
	if (!p->bar)
		fputc('\n', stderr);
	fflush(stderr);
}

void vr_ctl_progress_end(struct vr_ctl_progress *p)
{
	if (p->bar && !p->silent)
		clear_line();
	fflush(stderr);
}
