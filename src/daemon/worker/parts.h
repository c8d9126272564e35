/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of a worker share.
 *
 *   worker.c   the states of a slot, THE ROUND over all slots, the thread
 *   mailbox.c  what other threads give and ask, taken up between two rounds
 *   world.c    what a shard can reach, for real
 *   letters.h  dead letters
 *
 * Ownership: a worker owns its slots, a slot its shard and its feed.
 * Threads: the worker's own, but for what the lock guards and what is atomic.                                  */
#include <pthread.h>
#include <stdatomic.h>

#include "letters.h"
#include "worker.h"

enum { VR_WORKER_SLOTS_MAX = 1024, VR_WORKER_BACKOFF_MS = 5000 };

enum vr_part_state { VR_PART_ACQUIRING, VR_PART_RUNNING, VR_PART_WAITING, VR_PART_STOPPED };
const char *vr_part_state_name(enum vr_part_state state);

/* A partition in a worker's hands. */
struct vr_worker_slot {
	char topic[VR_TOPIC_MAX + 1];
	struct vr_topic_part part;
	struct vr_shard *shard;
	struct vr_feed *feed;
	enum vr_part_state state;
	struct vr_mono due;		/* of the next attempt */
	int64_t backoff_ms;
	bool started;			/* the group reads it: going elsewhere is a seek */
	bool leaving;			/* taken back */
};

struct vr_worker {
	struct vr_worker_config config;
	struct vr_mem mem;
	struct vr_redis *redis;
	struct vr_world world;
	struct vr_batch batch;
	struct vr_worker_slot *slot[VR_WORKER_SLOTS_MAX];	/* the worker's own, but for its length and the pointers under the lock */
	size_t n_slots;
	pthread_t thread;
	pthread_mutex_t lock;		/* of slot[], n_slots, facts */
	pthread_cond_t gone;
	struct vr_shard_config tuned;
	bool is_tuned;			/* `tuned` waits to be taken up */
	struct vr_slot_facts facts[VR_WORKER_SLOTS_MAX];
	size_t n_facts;
	struct vr_mono no_flush_before;	/* Redis did not answer a flush */
	int wake;
	bool paced;			/* in this round records had to wait for their turn */
	_Atomic bool stop;
	_Atomic int64_t beat_ms;
	struct vr_letters letters;
	bool running;
};

/** The slot of a partition, or NULL. By another thread: under the lock. */
struct vr_worker_slot *vr_worker_find(struct vr_worker *w, const struct vr_topic_part *part);
/** Settings that were given since the last round. */
void vr_worker_take_up(struct vr_worker *w);
/** Slots that were taken back since: flushed, freed, told. */
void vr_worker_let_go(struct vr_worker *w);
/** A guarded flush of a partition that may be somebody else's already is harmless: the fence decides. When Redis does
 * not answer for one, the others do not wait for it as well: what is not flushed is folded again. */
void vr_worker_free_slot(struct vr_worker *w, struct vr_worker_slot *s);
/** What others may know, as of now. */
void vr_worker_publish_facts(struct vr_worker *w);
/** What every shard of this worker can reach. */
struct vr_world vr_worker_world(struct vr_worker *w);
