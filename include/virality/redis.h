/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* redis.h - commands out, replies in; who carries them is somebody else's business.
 *
 * Picture:   struct vr_cmds --(exchange)--> struct vr_replies
 * A struct vr_cmds is a run of requests in RESP, built without copying twice; a reply tree lives
 * in an arena. The same two types are spoken by a real connection (vr_redis) and by the
 * simulated server of the tests, so that whatever builds commands and reads replies runs on both.
 * Threads: one owner of each object.                                                            */
#include "virality/arena.h"
#include "virality/buf.h"
#include "virality/err.h"
#include "virality/time.h"

struct vr_cmds {
	struct vr_buf buf;	/* RESP; hand to the server as it is */
	uint32_t n;		/* commands = replies to expect */
	uint32_t open;		/* arguments still missing of the command being built */
};
void vr_cmds_init(struct vr_cmds *c, struct vr_mem *mem);
void vr_cmds_done(struct vr_cmds *c);
void vr_cmds_clear(struct vr_cmds *c);
/** Those of `more` too, as they are; what could not be built in there could not be here. */
void vr_cmds_add(struct vr_cmds *to, const struct vr_cmds *more);
/** Those of `more` between what ends `at` bytes into `to` and what follows it. */
void vr_cmds_insert(struct vr_cmds *to, size_t at, const struct vr_cmds *more);
/** Begin a command of argc words (the name included); add exactly that many. */
void vr_cmd_begin(struct vr_cmds *c, uint32_t argc, struct vr_str name);
static inline void vr_cmd(struct vr_cmds *c, uint32_t argc, const char *name) { vr_cmd_begin(c, argc, vr_str_c(name)); }
void vr_cmd_str(struct vr_cmds *c, struct vr_str arg);
/** n words at once: cheaper than one by one. */
void vr_cmd_strs(struct vr_cmds *c, const struct vr_str *arg, size_t n);
static inline void vr_cmd_c(struct vr_cmds *c, const char *arg) { vr_cmd_str(c, vr_str_c(arg)); }
void vr_cmd_i64(struct vr_cmds *c, int64_t arg);
void vr_cmd_f64(struct vr_cmds *c, double arg);		/* 17 significant digits: reads back equal */
/** A key made of parts without copying them together first: prefix, then the others. */
void vr_cmd_key(struct vr_cmds *c, struct vr_str a, struct vr_str b, struct vr_str d);
/** A whole command of words that are C strings; the list ends with NULL. */
void vr_cmd_words(struct vr_cmds *c, const char *name, ...) __attribute__((sentinel));
/** Words of a command that is not begun, for how many there will be is known at their end only: allows n more in `words`,
 * which holds no command. */
static inline void vr_cmd_gather(struct vr_cmds *words, uint32_t n) { words->open = n; words->n += n; }
/** They end a command that was begun with as many still missing. */
void vr_cmd_gathered(struct vr_cmds *c, const struct vr_cmds *words);
/** What comes behind it runs in that database. */
void vr_cmd_select(struct vr_cmds *c, int db);

enum vr_reply_type { VR_REPLY_NIL, VR_REPLY_STATUS, VR_REPLY_ERROR, VR_REPLY_INT, VR_REPLY_STR, VR_REPLY_ARRAY };
struct vr_reply {
	enum vr_reply_type type;
	int64_t integer;
	struct vr_str str;		/* STATUS, ERROR, STR; followed by a NUL that n does not count */
	struct vr_reply *elem;		/* ARRAY: n of them */
	size_t n;
};
struct vr_replies { struct vr_reply *at; size_t n; };

/** Class of an error reply by its first word: table of reliability (OOM, LOADING, BUSY, MISCONF, NOREPLICAS,
 * TRYAGAIN, CLUSTERDOWN, MASTERDOWN: RETRY; READONLY: VR_E_READONLY; NOAUTH, WRONGPASS, NOPERM, unknown command:
 * VR_E_AUTH/VR_E_UNSUPPORTED; WRONGTYPE and the rest: VR_E_REPLY). For EXECABORT the class is that of the command refused first. */
enum vr_err vr_reply_error_class(const struct vr_reply *r);
/** First error in a tree, depth first, or NULL. */
const struct vr_reply *vr_reply_first_error(const struct vr_reply *r);
/** The same over all replies, in the order of the commands: before an EXECABORT stands what was refused. */
const struct vr_reply *vr_replies_first_error(const struct vr_replies *r);
/** That one as an error, its words in d; VR_OK where there is none. */
VR_MUST enum vr_err vr_replies_check(const struct vr_replies *r, struct vr_diag *d);
/** Decimal text or integer reply to number; false when it is neither. */
bool vr_reply_i64(const struct vr_reply *r, int64_t *ret);
/** Value of a field in a flat HGETALL array, or NULL. */
const struct vr_reply *vr_reply_field(const struct vr_reply *flat, const char *name);
/** The same as text, or as a number: empty, or 0, where there is none. */
struct vr_str vr_reply_field_str(const struct vr_reply *flat, const char *name);
int64_t vr_reply_field_i64(const struct vr_reply *flat, const char *name);
/** The i-th of an array as a number: 0 where there is none. */
int64_t vr_reply_elem_i64(const struct vr_reply *list, size_t i);

/* Who carries. `exchange` sends all commands and waits for all replies; it never sends anything twice. On
 * any failure the connection is gone. Where it could not be made, nothing was sent: VR_E_AWAY, VR_E_BUSY
 * (loading), VR_E_AUTH, VR_E_CONFIG, VR_E_UNSUPPORTED. Later what ran is unknown: VR_E_LOST_LINK,
 * VR_E_TIMEOUT (of the whole exchange, or of the handshake), VR_E_NOMEM. A connection that was there and
 * is found dead is LOST_LINK even if nothing of this exchange was sent: WATCH, MULTI and SELECT ended with
 * it. After that the next exchange connects anew; who relies on them compares vr_redis_epoch. */
struct vr_link {
	enum vr_err (*exchange)(void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d);
	void *ctx;
};

/* ------------------------------------------------------------------ a real connection ---- */
struct vr_redis_config {
	struct vr_str host, unix_path;		/* unix_path not empty: a Unix socket */
	int port;
	struct vr_str user, password;		/* secrets; never in a message */
	bool tls;				/* VR_E_UNSUPPORTED where hiredis has none */
	struct vr_str tls_ca_file;
	struct vr_span connect_timeout, timeout;	/* timeout: of a whole exchange; 0: 5 s */
	int db;					/* SELECTed after connecting */
	bool allow_eviction;
};
struct vr_redis;	/* opaque: one connection, one thread */
/** Copies config; connects nothing yet. */
/** Version of hiredis that this was compiled with. */
const char *vr_redis_version(void);
VR_MUST enum vr_err vr_redis_new(const struct vr_redis_config *config, struct vr_redis **ret);
void vr_redis_free(struct vr_redis *r);
/** Connect if not connected (AUTH, SELECT, timeouts set again, keepalive). */
VR_MUST enum vr_err vr_redis_connect(struct vr_redis *r, struct vr_diag *d);
/** Drop the connection: the next exchange connects anew. */
void vr_redis_drop(struct vr_redis *r);
/** Rises by one with every connection made: what was read over an older one must not be trusted. */
uint64_t vr_redis_epoch(const struct vr_redis *r);
/** `exchange` over this connection; connects when needed. */
struct vr_link vr_redis_link(struct vr_redis *r);

/** What a server says of itself; one log line and the refusals of design section 3. */
struct vr_redis_facts {
	char version[32], role[16], policy[32], appendonly[8], appendfsync[16], aof_status[8], replid[48];
	int64_t evicted_keys, min_replicas, maxmemory;
	bool cluster;
	bool may_tear;		/* aof-load-truncated: half a transaction may come back. false where CONFIG GET is denied */
};
/** INFO (and CONFIG GET where allowed). VR_E_EVICTING: maxmemory-policy is not noeviction; VR_E_UNSUPPORTED: cluster mode or older than 6.0;
 * VR_E_READONLY: not a master. */
VR_MUST enum vr_err vr_redis_check(struct vr_redis *r, struct vr_redis_facts *ret, struct vr_diag *d);
/** "redis 7.0.15 master noeviction appendonly=no ..." */
void vr_redis_facts_text(const struct vr_redis_facts *f, struct vr_buf *b);
/** What an operator should change of a server that is taken all the same, or NULL. Static string. */
const char *vr_redis_facts_warning(const struct vr_redis_facts *f);
