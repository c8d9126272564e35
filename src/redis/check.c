/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says of itself, and what we refuse to work on. */
#include <stdlib.h>
#include "conn.h"

#define MAJOR_MIN 6
#define UNKNOWN "?"

enum { ASK_INFO, ASK_FSYNC, ASK_REPLICAS, ASK_POLICY, ASK_TRUNCATED, ASK_MAX };

/* Value of "key:value\r\n" in the text of INFO; empty when there is none. */
static struct vr_str info_value(struct vr_str info, const char *key)
{
	size_t n = strlen(key);
	const char *end = info.p + info.n;

	for (const char *line = info.p; line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const char *stop = nl ? nl : end;
		const char *value = line + n + 1;
		if (value <= stop && memcmp(line, key, n) == 0 && value[-1] == ':')
			return (struct vr_str){value, (size_t)(stop - value) - (stop > value && stop[-1] == '\r')};
		line = stop + 1;
	}
	return (struct vr_str){"", 0};
}

static int64_t info_number(struct vr_str info, const char *key, int64_t otherwise)
{
	struct vr_reply text = {.type = VR_REPLY_STR, .str = info_value(info, key)};

	(void)vr_reply_i64(&text, &otherwise);
	return otherwise;
}

/* CONFIG GET gives a list of name and value; a server may refuse the command altogether. */
static struct vr_str config_value(const struct vr_reply *r, const char *name)
{
	const struct vr_reply *v = vr_reply_field(r, name);

	return v ? v->str : VR_STR(UNKNOWN);
}

static struct vr_str policy_of(struct vr_str info, const struct vr_reply *config)
{
	struct vr_str said = info_value(info, "maxmemory_policy");

	return said.n > 0 ? said : config_value(config, "maxmemory-policy");
}

/* Seen with 7.0.15: a file that ends in the midst of a transaction is cut behind its last whole command, not before the
 * transaction; what is left of it runs at the start after this one, together with the next transaction. */
static bool may_tear(struct vr_str info, const struct vr_reply *config)
{
	return info_number(info, "aof_enabled", 0) && vr_str_eq(config_value(config, "aof-load-truncated"), VR_STR("yes"));
}

static void read_facts(const struct vr_replies *replies, struct vr_redis_facts *f)
{
	struct vr_str info = replies->at[ASK_INFO].str;
	struct vr_reply replicas = {.type = VR_REPLY_STR,
		.str = config_value(&replies->at[ASK_REPLICAS], "min-replicas-to-write")};

	*f = (struct vr_redis_facts){
		.evicted_keys = info_number(info, "evicted_keys", 0),
		.maxmemory = info_number(info, "maxmemory", 0),
		.min_replicas = -1,
		.cluster = info_number(info, "cluster_enabled", 0) != 0,
		.may_tear = may_tear(info, &replies->at[ASK_TRUNCATED]),
	};
	(void)vr_reply_i64(&replicas, &f->min_replicas);
	vr_str_copy(f->version, sizeof(f->version), info_value(info, "redis_version"));
	vr_str_copy(f->role, sizeof(f->role), info_value(info, "role"));
	vr_str_copy(f->policy, sizeof(f->policy), policy_of(info, &replies->at[ASK_POLICY]));
	vr_str_copy(f->appendonly, sizeof(f->appendonly),
		info_number(info, "aof_enabled", 0) ? VR_STR("yes") : VR_STR("no"));
	vr_str_copy(f->appendfsync, sizeof(f->appendfsync), config_value(&replies->at[ASK_FSYNC], "appendfsync"));
	vr_str_copy(f->aof_status, sizeof(f->aof_status), info_value(info, "aof_last_write_status"));
	vr_str_copy(f->replid, sizeof(f->replid), info_value(info, "master_replid"));
}

static enum vr_err refuse(const struct vr_redis *r, const struct vr_redis_facts *f, struct vr_diag *d)
{
	const char *where = vr_redis_where(r);

	if (f->cluster)
		return vr_diag_set(d, VR_E_UNSUPPORTED, where,
			"Redis Cluster is not supported: a partition's keys and its alerts are one transaction");
	if (strtol(f->version, NULL, 10) < MAJOR_MIN)
		return vr_diag_set(d, VR_E_UNSUPPORTED, where, "Redis %s is too old; %d.0 or newer is needed",
			f->version[0] ? f->version : UNKNOWN, MAJOR_MIN);
	if (strcmp(f->role, "master") != 0)
		return vr_diag_set(d, VR_E_READONLY, where, "this server is a %s, not the master",
			f->role[0] ? f->role : UNKNOWN);
	if (strcmp(f->policy, "noeviction") != 0 && !vr_redis_may_evict(r))
		return vr_diag_set(d, VR_E_EVICTING, where,
			"maxmemory-policy is %s: Redis would drop counters silently; "
			"set `maxmemory-policy noeviction` there (or redis.allow_eviction here)", f->policy);
	return VR_OK;
}

static void ask(struct vr_cmds *c)
{
	vr_cmd_words(c, "INFO", NULL);
	vr_cmd_words(c, "CONFIG", "GET", "appendfsync", NULL);
	vr_cmd_words(c, "CONFIG", "GET", "min-replicas-to-write", NULL);
	vr_cmd_words(c, "CONFIG", "GET", "maxmemory-policy", NULL);
	vr_cmd_words(c, "CONFIG", "GET", "aof-load-truncated", NULL);
	VR_ASSERT(c->n == ASK_MAX);
}

static enum vr_err ask_facts(struct vr_redis *r, struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_redis_facts *ret, struct vr_diag *d)
{
	struct vr_link link = vr_redis_link(r);
	struct vr_replies replies;
	const struct vr_reply *info;
	enum vr_err err;

	ask(cmds);
	err = link.exchange(link.ctx, cmds, arena, &replies, d);
	if (err)
		return err;
	info = &replies.at[ASK_INFO];
	if (info->type == VR_REPLY_ERROR)
		return vr_diag_set(d, vr_reply_error_class(info), vr_redis_where(r), "INFO refused: %.*s",
			(int)info->str.n, info->str.p);
	if (info->type != VR_REPLY_STR)
		return vr_diag_set(d, VR_E_REPLY, vr_redis_where(r), "INFO is not text");
	read_facts(&replies, ret);
	return VR_OK;
}

enum vr_err vr_redis_check(struct vr_redis *r, struct vr_redis_facts *ret, struct vr_diag *d)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_cmds cmds;
	struct vr_arena arena;
	enum vr_err err;

	vr_cmds_init(&cmds, &mem);
	vr_arena_init(&arena, &mem, 0);
	err = ask_facts(r, &cmds, &arena, ret, d);
	vr_arena_done(&arena);
	vr_cmds_done(&cmds);
	return err ? err : refuse(r, ret, d);
}

static void add_pair(struct vr_buf *b, const char *name, const char *value)
{
	vr_buf_c(b, name);
	vr_buf_c(b, value[0] ? value : UNKNOWN);
}

static void add_number(struct vr_buf *b, const char *name, int64_t value)
{
	vr_buf_c(b, name);
	if (value < 0)
		vr_buf_c(b, UNKNOWN);
	else
		vr_buf_i64(b, value);
}

void vr_redis_facts_text(const struct vr_redis_facts *f, struct vr_buf *b)
{
	add_pair(b, "redis ", f->version);
	add_pair(b, " ", f->role);
	add_pair(b, " ", f->policy);
	add_pair(b, " appendonly=", f->appendonly);
	add_pair(b, " appendfsync=", f->appendfsync);
	add_pair(b, " aof=", f->aof_status);
	add_number(b, " min_replicas=", f->min_replicas);
	add_number(b, " maxmemory=", f->maxmemory);
	add_number(b, " evicted=", f->evicted_keys);
	add_pair(b, " cluster=", f->cluster ? "yes" : "no");
	add_pair(b, " replid=", f->replid);
}

const char *vr_redis_facts_warning(const struct vr_redis_facts *f)
{
	return f->may_tear ? "aof-load-truncated is yes: after a crash that cut the append-only file this Redis may replay half a transaction, "
		"and partitions stop; set `aof-load-truncated no` there, and mend a cut file by redis-check-aof --fix before it is started" : NULL;
}
