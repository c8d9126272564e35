/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* simredis.h - a Redis without a process: the same replies to the same commands, no I/O, no clock, no chance.
 *
 * Picture:   session --RESP--> server: 16 databases --> history of committed transactions
 *               ^ own SELECT, WATCH, MULTI               ^ any prefix of it is a state that a crash can leave
 * It speaks as 7.0.15 does, for the commands of the table in simredis_exec.c; test_simredis.c holds it to
 * that. Nobody subscribes, nothing expires, nothing is evicted, stream nodes end at 100 entries only.
 * Values are shared between a server, its clones and its history until one of them writes (copy on
 * write), so that clones and prefixes are cheap.
 * Deterministic: HGETALL and SMEMBERS come in order of insertion (a real server may choose another one),
 * KEYS in byte order.
 * Ownership: a server is freed after its sessions.
 * Threads: one owner of a server, its clones and all their sessions.
 * Fails: no memory and misuse abort; this is for tests.                                              */
#include <stdint.h>
#include "virality/redis.h"
#include "virality/time.h"

struct sim_redis;
struct sim_session;

struct sim_redis *sim_redis_new(void);
void sim_redis_free(struct sim_redis *s);

/** What XADD * and "now" mean. Starts at 0. */
void sim_redis_set_clock(struct sim_redis *s, struct vr_wall now);
/** The next `count` commands of that name (NULL: of any) are refused with that text ("OOM command not
 * allowed"), while queueing too, which aborts the EXEC. A new call replaces the former. */
void sim_redis_fail_next(struct sim_redis *s, const char *command, const char *text, unsigned count);
/** The connections end: see sim_session_kill. */
void sim_redis_kill_sessions(struct sim_redis *s);
/** All data is lost, history too; the connections end: a server without persistence was started again. */
void sim_redis_wipe(struct sim_redis *s);

/* ------------------------------------------------------------------ clones and prefixes ---- */
/** Transactions (single writing commands and EXECs that wrote) committed so far. */
uint64_t sim_redis_committed(const struct sim_redis *s);
/** The same state and history without sessions and faults: a replica that has everything. */
struct sim_redis *sim_redis_clone(const struct sim_redis *s);
/** The state after the first n transactions (n <= committed): a replica that lags, a log that was cut. */
struct sim_redis *sim_redis_clone_at(const struct sim_redis *s, uint64_t n);
/** Restart with a cut log: the state after the first n transactions; the connections end. */
void sim_redis_rollback(struct sim_redis *s, uint64_t n);
/** Forget history up to now, to save memory: later prefixes begin here. */
void sim_redis_forget(struct sim_redis *s);

/** All state as text, one line a key and one a member, sorted: equal texts are equal states. db -1: all. */
void sim_redis_dump(const struct sim_redis *s, int db, struct vr_buf *b);

/* ------------------------------------------------------------------ sessions ---- */
struct sim_session *sim_session_new(struct sim_redis *s);
void sim_session_free(struct sim_session *x);
/** Run requests in RESP; one reply each. VR_E_DECODE when the bytes are not whole requests: those before
 * ran. Works on a killed session as well: what a client sent may run after it died. */
enum vr_err sim_execute(struct sim_session *x, const char *resp, size_t n, struct vr_arena *arena,
	struct vr_replies *ret);
/** The same as a link; VR_E_LOST_LINK once the session is killed. */
struct vr_link sim_session_link(struct sim_session *x);
/** From now on the link gives VR_E_LOST_LINK. The server still knows the session (its WATCH, its MULTI)
 * until it is freed. */
void sim_session_kill(struct sim_session *x);
bool sim_session_killed(const struct sim_session *x);
/** The link runs n more commands, then the connection is lost, and the replies with it. */
void sim_session_cut_after(struct sim_session *x, uint64_t n);
