/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* golden.h - a scenario folded by the real engine into a plain model of the store, and the model as text.
 *
 *   scenario.c   the lines of a scenario, one by one
 *   run.c        want, load, fold, cut, throw away and load again
 *   store.c      a vr_store whose rows are a struct model
 *   text.c       the model as canonical text
 *
 * Fails: by ending the program with a message.   Threads: one. */
#include "model.h"
#include "virality/arena.h"
#include "virality/engine.h"

enum { GOLDEN_PARTS = 4, GOLDEN_SETS = 16, GOLDEN_FATES = 4, GOLDEN_BATCH = 1024 };

struct golden_options {
	uint64_t cut_every;	/* records between two cuts */
	uint64_t batch;		/* records whose contents are wanted at once */
	uint64_t reload_every;	/* records after which the engines are thrown away; 0: never */
	bool as_is;		/* print what the cuts wrote, not what a last whole writing says */
	bool check;		/* all invariants after every record */
};

struct golden_waiting { unsigned part; struct vr_record record; struct vr_event event; };

struct golden_part {
	struct vr_engine *engine;
	int32_t no;
	int64_t next;			/* offset */
	struct vr_wall stream, log;	/* as of the last cut: the owner record */
	struct vr_wall view;		/* of the last cut; 0: stream time */
	int64_t forgot_below;
	bool has_events;
	uint64_t fates[GOLDEN_FATES], late, clock_ahead, unchecked, miskeyed;
	struct vr_buf alerts;		/* lines, in order */
};

struct golden {
	struct golden_options options;
	struct vr_engine_config config;
	uint32_t top_channels;
	struct vr_mem mem;
	struct vr_arena arena;		/* of a batch */
	struct golden_waiting waiting[GOLDEN_BATCH];
	size_t n_waiting;
	struct vr_buf key, scratch;
	struct model model;
	struct golden_part part[GOLDEN_PARTS];
	size_t n_parts;
	struct vr_rules *set[GOLDEN_SETS];
	uint32_t n_sets;
	uint64_t since_cut, since_reload;
	const char *file;
	unsigned line;
};

/** Ends the program: file:line: message. */
_Noreturn void golden_die(const struct golden *g, const char *fmt, ...) VR_PRINTF(2, 3);

/* scenario.c */
void golden_scenario(struct golden *g, const char *path);

/* run.c */
void golden_begin(struct golden *g);
void golden_rules(struct golden *g, struct vr_rules *set);
/** Fold what waits. */
void golden_batch(struct golden *g);
/** All contents loaded, a last cut of every partition at its view time. */
void golden_finish(struct golden *g);
/** Every view is written again, whole; what had been written bit by bit must say the same. */
void golden_reshow(struct golden *g);

/* store.c */
struct golden_writer { struct golden *g; struct golden_part *p; };
struct vr_store golden_store(struct golden_writer *w);
struct vr_str golden_slot_key(struct golden *g, const struct golden_part *p, enum vr_slot slot,
	struct vr_str id);

/* text.c */
void golden_print(struct golden *g);
