/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/talk.h"

void vr_talk_open(struct vr_talk *t, const struct vr_link *link, struct vr_mem *mem)
{
	*t = (struct vr_talk){.link = *link};
	vr_cmds_init(&t->cmds, mem);
	vr_arena_init(&t->arena, mem, 0);
}

void vr_talk_close(struct vr_talk *t)
{
	vr_arena_done(&t->arena);
	vr_cmds_done(&t->cmds);
}

enum vr_err vr_talk_send(struct vr_talk *t, struct vr_diag *d)
{
	enum vr_err err = VR_E_NOMEM;

	vr_arena_reset(&t->arena);
	if (!t->cmds.buf.failed)
		err = t->link.exchange(t->link.ctx, &t->cmds, &t->arena, &t->r, d);
	vr_cmds_clear(&t->cmds);
	return err;
}

enum vr_err vr_talk_ask(struct vr_talk *t, struct vr_diag *d)
{
	enum vr_err err = vr_talk_send(t, d);

	return err ? err : vr_replies_check(&t->r, d);
}
