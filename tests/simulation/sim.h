/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sim.h - daemons, a log and a Redis in one thread, and who comes next is drawn from a seed.
 *
 *      scheduler --resume--> daemon (a coroutine: its slots, each a real vr_shard)
 *          ^                    | exchange: "these commands, please"          | reads
 *          |<------- yield -----+                                             v
 *          +--> cluster: executes them now, late, half or never           logs (records made by `events`)
 *                  |  after every committed transaction
 *                  v
 *               check: what is stored == the fold of the log up to the stored offset (`ref`)
 *
 * One seed is one schedule, repeatable to the byte: no clock, no thread, no address decides anything.
 * Ownership: a struct sim owns everything of its schedule and is used again for the next one.
 * Fails: a broken promise calls sim_fail, which ends the schedule; everything else aborts.             */
#include <stdio.h>
#include "random.h"
#include "shard/shard.h"
#include "sim_co.h"
#include "sim_cover.h"
#include "sim_mem.h"
#include "simredis.h"
#include "simredis_exec.h"

enum {
	SIM_PARTS = 2,
	SIM_DAEMONS = 3,
	SIM_REPLAYER = SIM_DAEMONS, /* folds a shadow of all partitions */
	SIM_SWITCHER,               /* makes it live */
	SIM_CLIENTS,
	SIM_RECORDS = 512,
	SIM_VERSIONS = 4,
	SIM_LISTED = 40,
	SIM_RELOADS = 8, /* entries of SIM_LISTED that an operator may add */
	SIM_CONTENTS = 13,
	SIM_MISKEYED = 12,
	SIM_CONNS = 96,
	SIM_ORPHANS = 8,
	SIM_SERVERS = 4,
	SIM_GENS = 64,
	SIM_NAMES = 16,
	SIM_GAPS = 16,
	SIM_LETTERS = 256,
	SIM_INHERITED = 24,
	SIM_LIVE_DB = 0,
	SIM_SPARE_DB = 1,
	SIM_ALERTS_DB = 2,
	SIM_BATCH = 24,
};
#define SIM_TOPIC "t"
#define SIM_EPOCH INT64_C(1700000000000)

/* ------------------------------------------------------------------ the log ---- */
struct sim_record {
	int64_t offset;
	struct vr_wall time;
	struct vr_str key, value;
	bool has_key, has_value, tick, is_event;
	enum vr_err poison;    /* why the codec refuses it; VR_OK: it does not */
	struct vr_event event; /* as it was made, before the wire */
	bool lettered;         /* its dead letter was acknowledged */
};

/* One life of a partition's log; truncating or making the topic anew begins another. */
struct sim_log {
	struct sim_record *at[SIM_RECORDS];
	size_t n, from; /* from: first that Kafka still has */
	int64_t first, end;
};

/* ------------------------------------------------------------------ the Redis servers ---- */
/* A partition folded from here on: noted when its owner record was made from nothing. */
struct sim_gen {
	uint64_t txn; /* the transaction that did it; gone when that is rolled back */
	int part;
	const struct sim_log *log;
	char name[8]; /* of the generation it is of */
	int64_t base, said_off, dlq_off;
	int64_t floor; /* where it stood when it became live */
	bool given;    /* `set` judged it from its first record on, as number 1 */
	uint32_t set;
	bool switched, counted;
	size_t transitions; /* that its fold had by then: nobody is told */
	size_t entries; /* alerts of the partition in the stream before */
	struct {
		char id[VR_ALERT_ID_LEN + 1];
		bool firing;
	} inherited[SIM_INHERITED]; /* what stood in `active` */
	size_t n_inherited;
};
/* Records [from, to) that an owner at `from` can never read. */
struct sim_gap {
	uint64_t txn;
	int part;
	const struct sim_log *log;
	int64_t from, to;
};

struct sim_check; /* sim_check.h: what the checks know of a server */
struct sim_server {
	struct sim_redis *redis;
	struct sim_session *admin;
	struct sim_gen gen[SIM_GENS];
	struct sim_gap gap[SIM_GAPS];
	size_t n_gen, n_gap;
	bool poisoned[SIM_PARTS];      /* somebody wrote over a key of the cut itself */
	bool vandalised[SIM_CONTENTS]; /* its views may be spoiled now */
	bool ever_vandalised[SIM_CONTENTS], minutes_lost[SIM_CONTENTS];
	int db;                        /* which the checks look at: live's, but for a moment the spare one */
	struct sim_check *check, *other; /* of that database, of the other one */
};

struct sim_conn {
	struct sim_server *server;
	struct sim_session *session;
	unsigned refs; /* its client, and orphans */
	int db;        /* its client's */
};
/* Commands that are on the way though their client is gone. */
struct sim_orphan {
	struct sim_conn *conn;
	char *bytes;
	size_t n;
};

/* ------------------------------------------------------------------ a daemon ---- */
enum sim_wait { SIM_IDLE, SIM_SENT, SIM_ANSWERED };
enum sim_slot_state { SIM_ACQUIRING, SIM_RUNNING, SIM_WAITING, SIM_STOPPED };
struct sim_slot {
	struct vr_shard *shard;
	enum sim_slot_state state;
	enum vr_err stop; /* why it stands */
	struct vr_mono due;
	int64_t pos; /* next offset the feed reads */
	bool given, leaving, end_told, range_told;
};
struct sim;
struct sim_daemon {
	struct sim *sim;
	int number;
	bool alive, stalled, ending, foreign;
	struct sim_co co;
	struct sim_mem mem;
	struct vr_world world;
	struct vr_shard_config config;
	struct sim_slot slot[SIM_PARTS];
	struct sim_conn *conn;
	int64_t skew_ms;                        /* of its wall clock */
	uint32_t listed;                        /* entries of the fleet's rule list that it has seen */
	struct sim_record *letter[SIM_LETTERS]; /* not acknowledged yet */
	size_t letters;
	int64_t letters_failed;
	/* the exchange under way */
	enum sim_wait wait;
	const struct vr_cmds *cmds;
	struct vr_arena *arena;
	struct vr_replies replies;
	enum vr_err answer;
};

/* ------------------------------------------------------------------ a schedule ---- */
/* How often what goes wrong, drawn once a schedule: 0 never, else one in so many. */
struct sim_mood {
	unsigned crash, stall, rebalance, link, late, error, failover, restart, wipe, vandal, retention, recreate,
		letters, rules, jump, skew, burst, poison, replay;
	bool miskeyed, forget;
};

struct sim_fixed; /* what no schedule changes: keys, rule sets, windows */
struct sim {
	const struct sim_fixed *fixed;
	struct vr_random random;
	uint64_t seed, digest, steps, commits;
	bool trace, with_digest, failed, resting;
	char why[1024];
	struct sim_totals *totals; /* counts of the whole run */
	struct sim_mood mood;
	struct vr_mem heap;
	struct vr_arena arena;   /* of the schedule: records */
	struct vr_arena scratch; /* of one execution */
	int64_t now_ms;          /* since the schedule began */
	struct sim_log log[SIM_PARTS][SIM_VERSIONS];
	unsigned version[SIM_PARTS];
	int64_t committed[SIM_PARTS]; /* the witness; -1: none */
	unsigned left;                /* records still to be appended */
	uint64_t next_id;
	bool letters_down;
	uint32_t list[SIM_LISTED]; /* which rule set each entry of the fleet's list is */
	uint32_t listed;
	struct sim_server server[SIM_SERVERS];
	size_t servers, current;
	int old; /* a deposed master that still answers, or -1 */
	struct sim_conn conn[SIM_CONNS];
	struct sim_orphan orphan[SIM_ORPHANS];
	size_t orphans;
	struct sim_daemon daemon[SIM_CLIENTS];
	struct vr_shadow shadow; /* of the replayer */
	uint32_t given;          /* the rule set it was given, where it was */
	char name[SIM_NAMES][8]; /* of generations */
	unsigned names;
	bool lost;               /* Redis went back in time */
	uint64_t stops[SIM_PARTS];     /* bit per enum vr_err: stops that are right */
	struct vr_shard_config config; /* of the fleet */
};

struct sim_fixed {
	struct vr_windows windows;
	struct vr_mem heap;
	struct vr_rules *rules[4];
	struct vr_keys keys[SIM_PARTS];
	struct vr_str id[SIM_CONTENTS];
	char id_text[SIM_CONTENTS][16];
};

/* ------------------------------------------------------------------ sim.c ---- */
struct sim_fixed *sim_fixed_new(void);
void sim_fixed_free(struct sim_fixed *f);
struct sim *sim_new(const struct sim_fixed *fixed, struct sim_totals *totals);
void sim_free(struct sim *s);
/** Run the schedule of that seed. False: a promise was broken; s->why says which. */
bool sim_run_seed(struct sim *s, uint64_t seed);

/** True once in n; never for n == 0. */
static inline bool sim_once_in(struct sim *s, unsigned n)
{
	return n > 0 && vr_random_below(&s->random, n) == 0;
}
static inline int64_t sim_between(struct sim *s, int64_t low, int64_t high)
{
	return low + (int64_t)vr_random_below(&s->random, (uint64_t)(high - low) + 1);
}
void sim_say(struct sim *s, const char *fmt, ...) VR_PRINTF(2, 3);
void sim_fail(struct sim *s, const char *fmt, ...) VR_PRINTF(2, 3);
static inline bool sim_is_told(const struct sim *s)
{
	return s->trace || s->with_digest;
}
#define sim_tell(s, ...) (sim_is_told(s) ? sim_say(s, __VA_ARGS__) : (void)0)
static inline struct vr_wall sim_wall(const struct sim *s)
{
	return (struct vr_wall){SIM_EPOCH + s->now_ms};
}

/* ------------------------------------------------------------------ sim_log.c, sim_events.c ---- */
static inline struct sim_log *sim_log_of(struct sim *s, int part)
{
	return &s->log[part][s->version[part]];
}
/** Records, the end or "out of range" from the slot's position on, at most max items. */
size_t sim_feed_take(struct sim_slot *slot, const struct sim_log *log, size_t max, struct vr_feed_item *out);
/** Kafka deletes everything below `first`. */
void sim_log_retain(struct sim_log *log, int64_t first);
/** A new life of the log with the first `keep` records of the old one. */
void sim_log_renew(struct sim *s, int part, size_t keep);
/** n more records at the end of that partition's log. */
void sim_events_append(struct sim *s, int part, unsigned n);

/* ------------------------------------------------------------------ sim_cluster.c ---- */
void sim_cluster_start(struct sim *s);
void sim_cluster_end(struct sim *s);
struct sim_conn *sim_conn_open(struct sim *s, int db);
/** The client lets go of it. */
void sim_conn_close(struct sim *s, struct sim_conn *c);
bool sim_conn_dead(const struct sim_conn *c);
/** The server runs these bytes; a transaction that is committed is checked at once. */
void sim_execute_on(struct sim *s, struct sim_conn *c, const char *bytes, size_t n, struct vr_arena *arena,
	struct vr_replies *ret);
/** One command of words from outside: an operator, or somebody who should not. NULL ends it. */
void sim_admin(struct sim *s, struct sim_server *v, int db, ...) __attribute__((sentinel));
void sim_orphan_add(struct sim *s, struct sim_conn *c, const char *bytes, size_t n);
/** It arrives (or its connection is gone, and so is it). */
void sim_orphan_run(struct sim *s, size_t i);
void sim_cluster_promote(struct sim *s); /* a replica that may lag becomes the master */
void sim_cluster_depose(struct sim *s);  /* the old master's connections end */
void sim_cluster_restart(struct sim *s); /* with the loss of a suffix */
void sim_cluster_wipe(struct sim *s);
static inline struct sim_server *sim_master(struct sim *s)
{
	return &s->server[s->current];
}
/** The offset that this server's owner record holds, or -1. */
int64_t sim_stored_off(const struct sim *s, const struct sim_server *v, int part);
/** Records that Kafka has deleted beyond the stored offset are a gap from now on. */
void sim_gaps_note(struct sim *s, struct sim_server *v);

/* ------------------------------------------------------------------ sim_daemon.c ---- */
void sim_daemon_start(struct sim *s, int number);
/** The same with another task; `shadow`: its partitions are the replayer's. */
void sim_client_start(struct sim *s, int number, void (*task)(void *daemon), const struct vr_shadow *shadow);
void sim_daemon_live(void *daemon);
/** kill -9: what it sent may still arrive. */
void sim_daemon_kill(struct sim_daemon *d, bool in_flight);
void sim_daemon_resume(struct sim_daemon *d);
enum vr_err sim_daemon_exchange(
	void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d);
/** What the world of daemon d does (sim_world.c). */
struct vr_world sim_world_of(struct sim_daemon *d);

/* ------------------------------------------------------------------ sim_replay.c ---- */
/** By which rules a replay judges the generation of that database; *ret_set: the set that it was given. */
enum vr_shadow_rules sim_replay_rules(const struct sim_server *v, int db, uint32_t *ret_set);
/** vir:rules has an entry for each of the fleet's list; what a loss took is put back. */
void sim_rules_mirror(struct sim *s);
/** A switch was made: rules that it appended are the fleet's now. */
void sim_rules_appended(struct sim *s, const struct sim_server *v);
/** A replay begins or goes on; somebody makes what is in the spare database live. Perhaps. */
void sim_replay_maybe(struct sim *s);
/** A shadow stands for good: it was switched, or is thrown away. */
void sim_replay_stopped(struct sim *s, struct sim_daemon *d, enum vr_err err, const struct vr_diag *diag);
/** At rest: what is spare is brought up to live and made live. False: there is nothing to. */
bool sim_replay_finish(struct sim *s);

/* ------------------------------------------------------------------ sim_schedule.c, sim_faults.c, sim_rest.c
 * ---- */
void sim_mood_draw(struct sim *s);
void sim_answer(struct sim *s, struct sim_daemon *d); /* something happens to the exchange of d */
void sim_answer_well(struct sim *s, struct sim_daemon *d);
void sim_fault_maybe(struct sim *s);
void sim_operator(struct sim *s, unsigned one_in); /* accepts a way out of a stop */
void sim_schedule(struct sim *s);
void sim_run_out(struct sim *s, struct sim_daemon *d); /* until it waits for nothing */
void sim_rest(struct sim *s); /* no more faults: everything must come to rest, exact */
