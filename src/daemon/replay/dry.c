/* SPDX-License-Identifier: Apache-2.0 */
/* dry.c - a dry run: folded like any replay, compared with live while its workers go on, and thrown away. */
#include "clock.h"
#include "parts.h"

enum { TURN_MS = 1000, AGAIN_MS = 500, FOLLOW_MS = 10000 };

struct look { struct vr_replay *r; void (*turn)(void *ctx); void *ctx; struct vr_mono next, until; };

static bool take_turns(struct look *l, struct vr_span time)
{
	struct vr_mono end = vr_mono_add(vr_clock_mono(), time);
	do
		l->turn(l->ctx);
	while (!atomic_load(&l->r->stop) && !vr_mono_reached(vr_clock_mono(), end));
	l->next = vr_mono_add(vr_clock_mono(), (struct vr_span){TURN_MS});
	return !atomic_load(&l->r->stop);
}

/* Between two exchanges: signals are heard, and others are told that this runs. */
static bool step(void *ctx)
{
	struct look *l = ctx;
	return vr_mono_reached(vr_clock_mono(), l->next) ? take_turns(l, (struct vr_span){0}) : !atomic_load(&l->r->stop);
}

static bool follows_live(const struct vr_replay *r)
{
	for (size_t i = 0; i < r->gen.n; i++)
		if (r->shadow[i].end == INT64_MAX)
			return true;
	return false;
}

/* Where live goes on the workers follow; contents that rest for a moment can be compared. */
static bool again(void *ctx, uint64_t left)
{
	struct look *l = ctx;
	(void)left;
	if (!follows_live(l->r) || vr_mono_reached(vr_clock_mono(), l->until))
		return false;
	return take_turns(l, (struct vr_span){AGAIN_MS});
}

enum vr_err vr_replay_compare(struct vr_replay *r, void (*turn)(void *ctx), void *ctx, struct vr_diag *d)
{
	struct vr_mono now = vr_clock_mono();
	struct look l = {r, turn, ctx, vr_mono_add(now, (struct vr_span){TURN_MS}), vr_mono_add(now, (struct vr_span){FOLLOW_MS})};
	struct vr_diff_config config = {.config = r->config, .redis = r->link, .name = r->gen.name, .show = r->options->rows, .again = again,
		.step = step, .ctx = &l};
	return vr_diff_run(&config, &r->diff, d);
}

/* Only what is still ours. */
enum vr_err vr_replay_dismiss(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = vr_replay_mark(r, VR_GENERATION_DRY, true, d);
	if (!err)
		err = vr_replay_discard(r, r->gen.name, d);
	if (!err)
		return VR_OK;
	struct vr_diag why = *d;
	return vr_diag_set(d, err, why.where, "%s. Database %d may still hold what the dry run folded; the next replay throws it away", why.text,
		r->spare_db);
}
