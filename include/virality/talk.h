/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* talk.h - a few exchanges with Redis, one after the other: the commands, the memory of replies, the last replies.
 *
 *      vr_talk_open ─> [ vr_cmd... into cmds ─> vr_talk_ask ─> look at r ]... ─> vr_talk_close
 *
 * For whoever has a question now and then; a partition's own exchanges (the shard, the publisher) keep their pieces apart.
 * Ownership: a talk owns its commands and replies, and keeps what the link stands for and *mem. Replies are borrowed until
 *            the next vr_talk_ask or vr_talk_send, or the end. Commands of several talks may go over one link in turn.
 * Threads:   one owner, the link's.
 * Fails:     as the link's exchange does (redis.h); VR_E_NOMEM where a command could not be built: then nothing was sent.
 *            The commands are gone after each exchange, however it ended.                                              */
#include "virality/redis.h"

struct vr_talk {
	struct vr_link link;
	struct vr_cmds cmds;		/* of the next exchange */
	struct vr_arena arena;
	struct vr_replies r;		/* of the last one that succeeded */
};
/** Nothing is sent, nothing allocated yet. */
void vr_talk_open(struct vr_talk *t, const struct vr_link *link, struct vr_mem *mem);
/** A talk that is all zero is fine. */
void vr_talk_close(struct vr_talk *t);
/** Sends the commands; an error reply anywhere is an error, said in d. */
VR_MUST enum vr_err vr_talk_ask(struct vr_talk *t, struct vr_diag *d);
/** The same for whoever reads error replies himself. */
VR_MUST enum vr_err vr_talk_send(struct vr_talk *t, struct vr_diag *d);
