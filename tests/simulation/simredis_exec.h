/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* simredis_exec.h - inside the simulated server: one command at work, and what it may use.
 *
 * Picture:   request -> row of the table -> arity, faults, MULTI -> handler(call) -> reply in call->out
 * A handler that wrote calls sim_touch for each key, which marks watching sessions and the history.     */
#include "simredis.h"
#include "simredis_store.h"

#define SIM_DBS 16
#define SIM_WORD_MAX 32

struct sim_watch { int db; struct vr_str key; };	/* key: owned */

struct sim_session {
	struct sim_redis *server;
	struct sim_session *next;
	int db;
	bool multi, dirty_exec, dirty_cas, killed;
	struct vr_buf queue;		/* requests between MULTI and EXEC, in RESP */
	size_t queued;
	struct sim_watch *watches;
	size_t watches_n, watches_cap;
	bool cut;			/* the link is lost after `cut_left` commands */
	uint64_t cut_left;
	struct vr_str *argv;		/* words of the request at work */
	size_t argv_cap;
};

struct sim_history;

struct sim_redis {
	struct vr_mem mem;
	struct sim_db db[SIM_DBS];
	struct sim_session *sessions;
	struct vr_wall now;
	struct sim_history *history;
	char *fail_command, *fail_text;	/* NULL: any command; NULL: no fault */
	unsigned fail_left;
};

struct sim_call {
	struct sim_redis *server;
	struct sim_session *session;
	struct vr_arena *arena;
	const struct vr_str *argv;
	size_t argc;
	const char *name;		/* in lower case */
	struct vr_reply *out;
	bool wrote;
};
typedef void sim_handler_f(struct sim_call *c);

/* ------------------------------------------------------------------ replies ---- */
void *sim_get(struct vr_arena *arena, size_t n);
void sim_status(struct sim_call *c, const char *text);
void sim_error(struct sim_call *c, const char *fmt, ...) VR_PRINTF(2, 3);
void sim_syntax_error(struct sim_call *c);
void sim_arity_error(struct sim_call *c);
void sim_int(struct sim_call *c, int64_t v);
/** A string at *to. */
void sim_str(struct sim_call *c, struct vr_reply *to, struct vr_str s);
/** A double as a string of 17 digits. */
void sim_double(struct sim_call *c, struct vr_reply *to, double v);
/** An array of n at *to, all nil; gives its elements. */
struct vr_reply *sim_array(struct sim_call *c, struct vr_reply *to, size_t n);

/* ------------------------------------------------------------------ arguments ---- */
bool sim_word_is(struct vr_str s, const char *word);	/* in any case */
/** An integer as Redis reads it (no sign but '-', no leading zero). */
bool sim_parse_i64(struct vr_str s, int64_t *ret);
bool sim_parse_f64(struct vr_str s, double *ret);
/** The same with the reply to a bad one. */
bool sim_arg_i64(struct sim_call *c, size_t i, int64_t *ret);

/* ------------------------------------------------------------------ keys ---- */
static inline struct sim_db *sim_db_of(struct sim_call *c) { return &c->server->db[c->session->db]; }
/** The value of the key in argv[1]; false: of another type, and replied so. *ret may be NULL. */
bool sim_lookup(struct sim_call *c, enum sim_type type, struct sim_value **ret);
/** The same to write into, created when absent. */
struct sim_value *sim_lookup_write(struct sim_call *c, enum sim_type type);
/** A key of the session's database was written. */
void sim_touch(struct sim_call *c, struct vr_str key);
/** As sim_touch of argv[1]; an empty collection is removed. */
void sim_touch_shrunk(struct sim_call *c, struct sim_value *v);
/** Remove the items named from argv[2] on, and answer how many there were. */
void sim_remove_items(struct sim_call *c, enum sim_type type);
/** Watched keys of database db that are in one of both. */
void sim_touch_all(struct sim_redis *s, int db, const struct sim_db *a, const struct sim_db *b);
/** [start, stop] with negative indices from the end, clamped; gives how many. */
size_t sim_range(size_t n, int64_t start, int64_t stop, size_t *ret_from);

/* ------------------------------------------------------------------ sessions ---- */
void sim_unwatch(struct sim_session *x);
void sim_watch(struct sim_session *x, struct vr_str key);
void sim_discard(struct sim_session *x);
/** Next request of bytes [*pos, n): words in session->argv; 0: not a whole request. */
size_t sim_parse(struct sim_session *x, const char *p, size_t n, size_t *pos);
/** Run what stands in argv; inside: in an EXEC. Gives whether it wrote. */
bool sim_run(struct sim_session *x, size_t argc, struct vr_arena *arena, struct vr_reply *out);

/* ------------------------------------------------------------------ history ---- */
struct sim_history *sim_history_new(void);
void sim_history_free(struct sim_history *h);
struct sim_history *sim_history_clone(const struct sim_history *h);
/** Begin anew: what is there now is the state after `committed`. */
void sim_history_restart(struct sim_redis *s, uint64_t committed);
/** A writing command, then the end of its transaction. */
void sim_history_add(struct sim_redis *s, int db, const struct vr_str *argv, size_t argc);
void sim_history_commit(struct sim_redis *s);
void sim_db_clone_all(struct sim_db *to, const struct sim_db *from);
void sim_db_done_all(struct sim_db *db);

/* ------------------------------------------------------------------ the commands ---- */
sim_handler_f sim_get_, sim_set, sim_mget, sim_append, sim_strlen;
sim_handler_f sim_del, sim_exists, sim_type_, sim_rename, sim_keys;
sim_handler_f sim_hset, sim_hsetnx, sim_hget, sim_hmget, sim_hgetall, sim_hdel, sim_hlen;
sim_handler_f sim_sadd, sim_srem, sim_smembers, sim_scard, sim_rpush, sim_lrange, sim_llen, sim_lindex;
sim_handler_f sim_zadd, sim_zrem, sim_zscore, sim_zcard, sim_zrange, sim_zrevrange, sim_zrangebyscore,
	sim_zrevrangebyscore;
sim_handler_f sim_xadd, sim_xlen, sim_xrange, sim_xrevrange, sim_xtrim, sim_xdel;
sim_handler_f sim_ping, sim_select, sim_swapdb, sim_flushdb, sim_flushall, sim_publish, sim_info, sim_auth;
sim_handler_f sim_cmd_watch, sim_cmd_unwatch, sim_multi, sim_exec, sim_cmd_discard;
