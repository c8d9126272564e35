/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - is there room in Redis for a second generation? */
#include <stdlib.h>

#include "parts.h"

enum { MACHINE_PERCENT = 90 };	/* of its memory Redis may use where maxmemory says nothing */

static double info_number(struct vr_str info, const char *name)
{
	const char *at = memmem(info.p, info.n, name, strlen(name));
	return at ? strtod(at + strlen(name), NULL) : 0;
}

static void ask_size(struct vr_talk *t, int db)
{
	vr_cmd_select(&t->cmds, db);
	vr_cmd_words(&t->cmds, "DBSIZE", NULL);
}

/* What live's keys take is what a second generation will. */
enum vr_err vr_replay_ask_memory(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd_words(&t.cmds, "INFO", "memory", NULL);
	ask_size(&t, r->keys.live_db);
	ask_size(&t, r->spare_db);
	ask_size(&t, r->keys.alerts_db);
	enum vr_err err = vr_replay_ask(r, &t, d);
	if (!err) {
		struct vr_str info = t.r.at[0].str;
		double live = (double)t.r.at[2].integer, spare = (double)t.r.at[4].integer, all = live + spare + (double)t.r.at[6].integer;
		double used = info_number(info, "\nused_memory:"), data = info_number(info, "\nused_memory_dataset:");
		double max = info_number(info, "\nmaxmemory:"), most = max > 0 ? max : info_number(info, "\ntotal_system_memory:") * MACHINE_PERCENT / 100;
		double need = all > 0 && live > spare ? data / all * (live - spare) : 0;
		r->memory = (struct vr_replay_memory){.known = true, .bounded = max > 0, .need = need, .most = most, .used = used};
	}
	vr_talk_close(&t);
	return err;
}

enum vr_err vr_replay_check_memory(const struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_memory *m = &r->memory;
	if (!m->known || m->most <= 0 || m->need <= m->most - m->used)
		return VR_OK;
	return vr_diag_set(d, VR_E_REFUSED, "redis", "a second generation needs about %.0f MiB more, and of %.0f MiB that Redis may use "
		"(%s) %.0f MiB are taken: give it more, or discard what is not needed, or --set replay.memory_check=no", m->need / 1048576,
		m->most / 1048576, m->bounded ? "maxmemory" : "the machine's", m->used / 1048576);
}
