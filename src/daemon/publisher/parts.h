/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the publisher's files share: publisher.c reads, fences and times, merged.c writes the views. */
#include <pthread.h>
#include <stdatomic.h>

#include "publisher.h"
#include "virality/keys.h"

/* One partition as it was read. */
struct vr_seen { struct vr_topic_part part; bool known, complete; int64_t off; struct vr_wall stream, view; struct vr_span wait; };

struct vr_publisher {
	struct vr_publisher_config config;
	struct vr_mem mem;
	struct vr_redis *redis;
	struct vr_keys keys;
	struct vr_owner owner;
	struct vr_owner_record record;
	struct vr_cmds cmds;
	struct vr_arena arena, kept;		/* replies of one exchange; what a round keeps */
	struct vr_buf text;
	struct vr_seen *seen;
	size_t n_seen, cap_seen;
	struct vr_merge *merge;
	const struct vr_reply *told;		/* HGETALL {vir:pub}:ts of this round, in `kept` */
	const struct vr_reply *generation;	/* GET vir:generation of this round, in `kept` */
	unsigned round;
	struct vr_wall now;			/* of this round */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool lead, stop, running;
	_Atomic int64_t beat_ms;
};

/** Commands for every merged view, behind what is in p->cmds; titles = replies of vr_merged_ask. */
void vr_merged_write(struct vr_publisher *p, const struct vr_replies *titles);
/** Commands that read what the views need beside the merge: titles of the rows in order, then the channels
 * that are shown, then what the series have told, then the name of the generation. */
void vr_merged_ask(struct vr_publisher *p);
