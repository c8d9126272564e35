/* SPDX-License-Identifier: Apache-2.0 */
#include "switching.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "clock.h"
#include "exit.h"
#include "replay/replay.h"
#include "switcher.h"

enum { FENCED_MS = 20, BEHIND_MS = 200, AWAY_MS = 1000, SAY_MS = 5000, RESUME = -1 };

struct switching {
	const struct vr_switching_options *o;
	struct vr_config *config;
	struct vr_property *properties;
	struct vr_group *group;
	struct vr_switcher *switcher;
	struct vr_mono until, said;
};

static void pause_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static int fail(enum vr_err err, const struct vr_diag *d)
{
	fprintf(stderr, "virald: %s%s%s\n", d->where, d->where[0] ? ": " : "", d->text[0] ? d->text : vr_err_text(err));
	return vr_exit_of(err);
}

static void no_parts(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	(void)ctx, (void)parts, (void)n;
}

static void no_lost_parts(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	(void)ctx, (void)parts, (void)n, (void)lost;
}

static void no_error(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	(void)ctx, (void)err, (void)fatal, (void)text;
}

/* Kafka is asked, never read: the group is not joined. */
static enum vr_err open_all(struct switching *s, struct vr_diag *d)
{
	static const struct vr_group_ops ops = {.assigned = no_parts, .revoked = no_lost_parts, .error = no_error};
	struct vr_kafka_config kafka;
	struct vr_switcher_config sc = {.config = s->config, .name = s->o->name,
		.accept_shorter_history = s->o->accept_shorter_history, .accept_state_loss = s->o->accept_state_loss};
	enum vr_err err = vr_settings_kafka(s->config, "virald-switch", &s->properties, &kafka);
	if (!err)
		err = vr_group_new(&kafka, &ops, &s->group, d);
	sc.group = s->group;
	return err ? err : vr_switcher_new(&sc, &s->switcher, d);
}

static void close_all(struct switching *s)
{
	vr_switcher_free(s->switcher);
	if (s->group)
		vr_group_free(s->group);
	free(s->properties);
	vr_config_free(s->config);
}

/* True: wait a moment and try again. */
static bool may_wait(struct switching *s, const struct vr_diag *d, int64_t pause)
{
	struct vr_mono now = vr_clock_mono();
	if (vr_mono_reached(now, s->until))
		return false;
	if (vr_mono_reached(now, s->said)) {
		fprintf(stderr, "virald: waiting: %s\n", d->text);
		s->said = vr_mono_add(now, (struct vr_span){SAY_MS});
	}
	pause_ms(pause);
	return true;
}

static int done(const struct switching *s, enum vr_switch_verdict verdict)
{
	const char *name = vr_switcher_name(s->switcher), *was = vr_switcher_was(s->switcher);
	if (verdict == VR_SWITCH_ALREADY)
		printf("%s is live already; nothing was done\n", name);
	else
		printf("%s is live, %s is in the spare database\nback again with: virald switch --undo\n", name, was);
	return fflush(stdout) ? EX_IOERR : EX_OK;
}

/* Behind, and nobody brings it nearer: a replay goes on with it up to where live is, and makes it live there. */
static int resume(const struct vr_switching_options *o, const char *name)
{
	struct vr_replay_options r = {.settings = o->settings, .name = name, .rate = -1, .switches = true,
		.accept_shorter_history = o->accept_shorter_history, .accept_state_loss = o->accept_state_loss};
	return vr_replay(&r);
}

/* An exit code, or RESUME. */
static int try_all(struct switching *s)
{
	for (;;) {
		struct vr_diag d = {.text = ""};
		enum vr_switch_verdict verdict = VR_SWITCH_WAIT;
		enum vr_err err = vr_switcher_try(s->switcher, &verdict, &d);
		bool away = vr_err_verdict(err) == VR_VERDICT_RETRY || vr_err_verdict(err) == VR_VERDICT_REWIND;
		if (!err && (verdict == VR_SWITCH_READY || verdict == VR_SWITCH_ALREADY))
			return done(s, verdict);
		if (err && !away)
			return fail(err, &d);
		if (!err && verdict == VR_SWITCH_WAIT && !vr_switcher_is_filled(s->switcher))
			return RESUME;
		if (!may_wait(s, &d, away ? AWAY_MS : verdict == VR_SWITCH_AGAIN ? FENCED_MS : BEHIND_MS))
			return fail(err ? err : VR_E_BUSY, &d);
	}
}

int vr_switching(const struct vr_switching_options *o)
{
	struct switching s = {.o = o};
	struct vr_diag d = {.text = ""};
	if (vr_settings_load(&o->settings, &s.config, NULL))
		return EX_CONFIG;
	s.until = vr_mono_add(vr_clock_mono(), o->wait);
	s.said = vr_mono_add(vr_clock_mono(), (struct vr_span){BEHIND_MS});
	enum vr_err err = open_all(&s, &d);
	int code = err ? fail(err, &d) : try_all(&s);
	char name[VR_GENERATION_MAX + 1] = "";
	if (code == RESUME)
		snprintf(name, sizeof(name), "%s", vr_switcher_name(s.switcher));
	close_all(&s);
	return code == RESUME ? resume(o, name) : code;
}
