/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c - all keys of the spare database are gone through, a page at a time, at the replay's pace. */
#include <poll.h>

#include "clock.h"
#include "parts.h"
#include "virality/progress.h"

enum { LOOK_MS = 100, PAUSE_MS = 5, EXTEND_MS = 30000 };

struct pages {
	struct vr_replay *replay;
	const char *throws;		/* the generation that is thrown away; NULL: none */
	int64_t keys, done;		/* about so many */
	struct vr_progress progress;
	struct vr_mono look;		/* when live is looked at next */
};

static void begin(struct pages *p, struct vr_replay *r, const char *throws, int64_t keys)
{
	*p = (struct pages){.replay = r, .throws = throws, .keys = keys};
	vr_progress_start(&p->progress, "virald replay", 0, r->options->quiet || !throws);
	p->progress.json = r->options->json;
}

static void look_on(struct pages *p)
{
	struct vr_replay *r = p->replay;
	if (!vr_mono_reached(vr_clock_mono(), p->look))
		return;
	vr_replay_heed(r);
	p->look = vr_mono_add(vr_clock_mono(), (struct vr_span){LOOK_MS});
	vr_notify_extend(&r->notify, (struct vr_span){EXTEND_MS});
	vr_notify_watchdog(&r->notify);
	if (p->throws && p->keys > 0)
		vr_progress_phase(&p->progress, "throwing away", p->throws, (double)(p->done < p->keys ? p->done : p->keys) / (double)p->keys);
}

/* A page is taken at once, and what is taken too much of it delays the next. False: a signal came. */
static bool take_turn(void *ctx, size_t keys, size_t weight)
{
	struct pages *p = ctx;
	struct vr_replay *r = p->replay;
	struct pollfd signals = {.fd = r->signals, .events = POLLIN};
	bool ends = atomic_load(&r->stop);
	p->done += (int64_t)keys;
	vr_pace_took(&r->pace, weight);
	for (;;) {
		look_on(p);
		if (vr_replay_serve_signals(r))
			return false;
		if (ends || vr_pace_ask(&r->pace, 1, vr_clock_mono()) > 0)
			return true;
		(void)poll(&signals, 1, PAUSE_MS);
	}
}

enum vr_err vr_replay_count(struct vr_replay *r, struct vr_generation_census *ret, struct vr_diag *d)
{
	struct pages p;
	begin(&p, r, NULL, 0);
	return vr_generation_count(&r->link, &r->keys, r->spare_db, (struct vr_generation_turn){take_turn, &p}, ret, d);
}

static enum vr_err ask_size(struct vr_replay *r, int64_t *ret, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd_select(&t.cmds, r->spare_db);
	vr_cmd_words(&t.cmds, "DBSIZE", NULL);
	enum vr_err err = vr_replay_ask(r, &t, d);
	if (!err)
		*ret = t.r.at[1].integer;
	vr_talk_close(&t);
	return err;
}

enum vr_err vr_replay_discard(struct vr_replay *r, const char *name, struct vr_diag *d)
{
	struct pages p;
	int64_t keys = 0;
	enum vr_err err = ask_size(r, &keys, d);
	if (err)
		return err;
	begin(&p, r, name, keys);
	err = vr_generation_discard(&r->link, &r->keys, r->spare_db, vr_str_c(name), (struct vr_generation_turn){take_turn, &p}, d);
	vr_progress_end(&p.progress);
	return err;
}
