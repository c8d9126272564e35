/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conn.h"
#include "wire.h"

#define WHERE_BYTES 256
#define TIMEOUT_DEFAULT_MS 5000
#define HANDSHAKE_MAX 3			/* AUTH, SELECT, PING */

struct vr_redis {
	struct vr_wire_target target;
	struct vr_wire *wire;		/* owns; NULL: not connected */
	char *host, *unix_path, *ca_file, *user, *password;	/* owns */
	int db;
	bool allow_eviction;
	uint64_t epoch;
	char where[WHERE_BYTES];
};

/* ------------------------------------------------------------------ making ---- */

static struct vr_span or_default(struct vr_span s)
{
	return s.ms > 0 ? s : (struct vr_span){TIMEOUT_DEFAULT_MS};
}

static char *dup_str(struct vr_str s)
{
	return s.n > 0 ? strndup(s.p, s.n) : strdup("");
}

static void free_secret(char *p)
{
	if (p)
		explicit_bzero(p, strlen(p));
	free(p);
}

static void name_peer(struct vr_redis *r, int port)
{
	if (r->unix_path[0])
		(void)snprintf(r->where, sizeof(r->where), "redis unix:%s", r->unix_path);
	else
		(void)snprintf(r->where, sizeof(r->where), "redis %s:%d", r->host, port);
}

enum vr_err vr_redis_new(const struct vr_redis_config *config, struct vr_redis **ret)
{
	struct vr_redis *r = calloc(1, sizeof(*r));

	if (!r)
		return VR_E_NOMEM;
	r->host = dup_str(config->host);
	r->unix_path = dup_str(config->unix_path);
	r->ca_file = dup_str(config->tls_ca_file);
	r->user = dup_str(config->user);
	r->password = dup_str(config->password);
	if (!r->host || !r->unix_path || !r->ca_file || !r->user || !r->password) {
		vr_redis_free(r);
		return VR_E_NOMEM;
	}
	r->db = config->db;
	r->allow_eviction = config->allow_eviction;
	name_peer(r, config->port);
	r->target = (struct vr_wire_target){
		.where = r->where, .host = r->host, .unix_path = r->unix_path, .port = config->port,
		.tls = config->tls, .tls_ca_file = r->ca_file,
		.connect_timeout = or_default(config->connect_timeout), .timeout = or_default(config->timeout),
	};
	*ret = r;
	return VR_OK;
}

void vr_redis_free(struct vr_redis *r)
{
	if (!r)
		return;
	vr_redis_drop(r);
	free_secret(r->password);
	free_secret(r->user);
	free(r->ca_file);
	free(r->unix_path);
	free(r->host);
	free(r);
}

void vr_redis_drop(struct vr_redis *r)
{
	vr_wire_close(r->wire);
	r->wire = NULL;
}

uint64_t vr_redis_epoch(const struct vr_redis *r)
{
	return r->epoch;
}

bool vr_redis_may_evict(const struct vr_redis *r)
{
	return r->allow_eviction;
}

const char *vr_redis_where(const struct vr_redis *r)
{
	return r->where;
}

/* ------------------------------------------------------------------ shaking hands ---- */

static void ask_auth(struct vr_cmds *c, const struct vr_redis *r)
{
	if (!r->password[0])
		return;
	vr_cmd(c, r->user[0] ? 3 : 2, "AUTH");
	if (r->user[0])
		vr_cmd_c(c, r->user);
	vr_cmd_c(c, r->password);
}

/* PING, because a server that is loading takes AUTH and SELECT all the same. */
static void ask_all(struct vr_cmds *c, const struct vr_redis *r)
{
	ask_auth(c, r);
	vr_cmd_select(c, r->db);
	vr_cmd(c, 1, "PING");
}

/* What a refusal during the handshake means: what the class does not know is a setting of ours. */
static enum vr_err class_of(const struct vr_reply *refusal, bool auth)
{
	enum vr_err err = vr_reply_error_class(refusal);

	if (err == VR_E_REPLY)
		return auth ? VR_E_AUTH : VR_E_CONFIG;
	return err;
}

/* A user without the right to PING may still do all the rest. */
static bool is_excused(const struct vr_reply *refusal, bool ping)
{
	return ping && vr_reply_error_class(refusal) == VR_E_AUTH;
}

/* Judge the `got` answers to ask_all. The server's words hold no secret: it never repeats a password. */
static enum vr_err judge(const struct vr_redis *r, const struct vr_replies *replies, size_t got,
	struct vr_diag *d)
{
	bool auth = r->password[0] != '\0';

	for (size_t i = 0; i < got; i++) {
		const struct vr_reply *at = &replies->at[i];
		bool is_auth = auth && i == 0, is_ping = i + 1 == replies->n;
		if (at->type != VR_REPLY_ERROR || is_excused(at, is_ping))
			continue;
		return vr_diag_set(d, class_of(at, is_auth), r->where, "%s refused: %.*s",
			is_auth ? "AUTH" : is_ping ? "connection" : "SELECT", (int)at->str.n, at->str.p);
	}
	return VR_OK;
}

static enum vr_err shake(struct vr_redis *r, struct vr_cmds *cmds, struct vr_arena *arena, struct vr_diag *d)
{
	struct vr_reply at[HANDSHAKE_MAX] = {0};
	struct vr_replies replies = {at, 0};
	struct vr_wire_progress progress;
	enum vr_err err, verdict;

	ask_all(cmds, r);
	if (cmds->buf.failed)
		return VR_E_NOMEM;
	replies.n = cmds->n;
	err = vr_wire_exchange(r->wire, cmds, arena, &replies, &progress, d);
	verdict = judge(r, &replies, progress.got, d);
	if (verdict)
		return verdict;
	/* Nothing of the caller's was sent: a connection lost here is one that was not had. */
	return err == VR_E_LOST_LINK ? VR_E_AWAY : err;
}

static enum vr_err shake_hands(struct vr_redis *r, struct vr_diag *d)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_cmds cmds;
	struct vr_arena arena;
	enum vr_err err;

	vr_cmds_init(&cmds, &mem);
	vr_arena_init(&arena, &mem, 1024);
	err = shake(r, &cmds, &arena, d);
	vr_arena_done(&arena);
	if (cmds.buf.p)
		explicit_bzero(cmds.buf.p, cmds.buf.n);
	vr_cmds_done(&cmds);
	return err;
}

enum vr_err vr_redis_connect(struct vr_redis *r, struct vr_diag *d)
{
	enum vr_err err;

	if (r->wire)
		return VR_OK;
	err = vr_wire_open(&r->target, &r->wire, d);
	if (err)
		return err;
	err = shake_hands(r, d);
	if (err) {
		vr_redis_drop(r);
		return err;
	}
	r->epoch++;
	return VR_OK;
}

/* ------------------------------------------------------------------ carrying ---- */

static enum vr_err carry(struct vr_redis *r, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_replies replies = {vr_arena_alloc(arena, cmds->n * sizeof(struct vr_reply)), cmds->n};
	struct vr_wire_progress progress;
	enum vr_err err;

	if (!replies.at)
		return VR_E_NOMEM;
	err = vr_wire_exchange(r->wire, cmds, arena, &replies, &progress, d);
	if (err) {
		vr_redis_drop(r);
		return err;
	}
	*ret = replies;
	return VR_OK;
}

static enum vr_err exchange_redis(void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_redis *r = ctx;
	enum vr_err err;

	VR_ASSERT(cmds->open == 0);
	if (cmds->buf.failed)
		return VR_E_NOMEM;
	err = vr_redis_connect(r, d);
	return err ? err : carry(r, cmds, arena, ret, d);
}

struct vr_link vr_redis_link(struct vr_redis *r)
{
	return (struct vr_link){exchange_redis, r};
}
