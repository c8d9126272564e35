/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c - what `vir:gen` says of whoever fills the generation: one process at a time. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "parts.h"

enum { RUNNER_MS = 15000 };

/* "host:pid:token": one of this host whose process is gone runs no more, however young its last word. */
static bool is_gone(const char *runner)
{
	char host[64] = "";
	gethostname(host, sizeof(host) - 1);
	size_t n = strlen(host);
	if (strncmp(runner, host, n) != 0 || runner[n] != ':')
		return false;
	long pid = strtol(runner + n + 1, NULL, 10);
	return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void name_runner(struct vr_replay *r)
{
	char host[64] = "", token[VR_TOKEN_LEN + 1];
	gethostname(host, sizeof(host) - 1);
	vr_clock_token(token);
	snprintf(r->gen.runner, sizeof(r->gen.runner), "%s:%d:%s", host, (int)getpid(), token);
}

enum vr_err vr_replay_check_runner(const struct vr_replay *r, struct vr_diag *d)
{
	int64_t since = vr_clock_wall().ms - r->gen.beat.ms;
	if (!r->gen.runner[0] || since > RUNNER_MS || is_gone(r->gen.runner))
		return VR_OK;
	return vr_diag_set(d, VR_E_BUSY, "redis", "generation '%s' is being filled by another process (%s, %lld s ago)", r->gen.name, r->gen.runner,
		(long long)since / 1000);
}

/* Begin: WATCHes what the spare database is called. Gives what it is called in t->r. */
static enum vr_err watch_name(struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_select(&t->cmds, r->spare_db);
	vr_cmd(&t->cmds, 2, "WATCH");
	vr_key_global(&t->cmds, &r->keys, "generation");
	vr_cmd(&t->cmds, 2, "WATCH");
	vr_key_global(&t->cmds, &r->keys, "gen");
	vr_cmd(&t->cmds, 2, "GET");
	vr_key_global(&t->cmds, &r->keys, "generation");
	vr_cmd(&t->cmds, 3, "HGET");
	vr_key_global(&t->cmds, &r->keys, "gen");
	vr_cmd_c(&t->cmds, "runner");
	vr_cmd_words(&t->cmds, "DBSIZE", NULL);
	return vr_replay_ask(r, t, d);
}

enum { NAMED = 3, RUNNER, KEYS };

static enum vr_err end_watch(struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_words(&t->cmds, "EXEC", NULL);
	enum vr_err err = vr_replay_ask(r, t, d);
	if (!err && t->r.at[t->r.n - 2].type == VR_REPLY_NIL)
		err = vr_diag_set(d, VR_E_RACED, "redis", "somebody else wrote to the spare database in between: run the same command again");
	return err;
}

static bool is_text(const struct vr_reply *r, const char *text)
{
	return r->type == VR_REPLY_STR && vr_str_eq(r->str, vr_str_c(text));
}

enum vr_err vr_replay_mark(struct vr_replay *r, enum vr_generation_state state, bool runs, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	enum vr_err err = watch_name(r, &t, d);
	if (!err && !is_text(&t.r.at[NAMED], r->gen.name))
		err = vr_diag_set(d, VR_E_FENCED, "redis", "the spare database is no longer generation '%s': it was switched, or discarded", r->gen.name);
	if (!err && !is_text(&t.r.at[RUNNER], r->gen.runner))
		err = vr_diag_set(d, VR_E_BUSY, "redis", "another process has taken over generation '%s'", r->gen.name);
	if (!err) {
		vr_cmd_select(&t.cmds, r->spare_db);
		vr_cmd_words(&t.cmds, "MULTI", NULL);
		vr_generation_set_state(state, &r->keys, &t.cmds);
		vr_cmd(&t.cmds, 6, "HSET");
		vr_key_global(&t.cmds, &r->keys, "gen");
		vr_cmd_c(&t.cmds, "runner");
		vr_cmd_c(&t.cmds, runs ? r->gen.runner : "");
		vr_cmd_c(&t.cmds, "beat_ms");
		vr_cmd_i64(&t.cmds, vr_clock_wall().ms);
		err = end_watch(r, &t, d);
	}
	vr_talk_close(&t);
	return err;
}

/* The first time, and again by whoever goes on: then only the runner is another. */
enum vr_err vr_replay_write(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	name_runner(r);
	r->gen.beat = vr_clock_wall();
	vr_talk_open(&t, &r->link, &r->mem);
	enum vr_err err = watch_name(r, &t, d);
	const struct vr_reply *named = err ? NULL : &t.r.at[NAMED];
	if (named && (r->is_new ? t.r.at[KEYS].integer > 0 : !is_text(named, r->gen.name)))
		err = vr_diag_set(d, VR_E_FENCED, "redis", "somebody else wrote to the spare database meanwhile: the same command says what is there now");
	if (!err) {
		vr_cmd_select(&t.cmds, r->spare_db);
		vr_cmd_words(&t.cmds, "MULTI", NULL);
		vr_generation_write(&r->gen, &r->keys, &t.cmds);
		if (r->is_new) {
			vr_cmd_select(&t.cmds, r->keys.alerts_db);
			vr_cmd(&t.cmds, 2, "DEL");
			vr_key_replay(&t.cmds, &r->keys, vr_str_c(r->gen.name), "alerts");
		}
		err = end_watch(r, &t, d);
	}
	vr_talk_close(&t);
	return err;
}
