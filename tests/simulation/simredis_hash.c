/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, sets and lists: arrays of items. */
#include "simredis_exec.h"

static size_t length(const struct sim_value *v)
{
	return v ? v->n : 0;
}

/* Reply with the number of items of a collection. */
static void reply_length(struct sim_call *c, enum sim_type type)
{
	struct sim_value *v;

	if (sim_lookup(c, type, &v))
		sim_int(c, (int64_t)length(v));
}

void sim_remove_items(struct sim_call *c, enum sim_type type)
{
	struct sim_value *v;
	int64_t n = 0;

	if (!sim_lookup(c, type, &v))
		return;
	for (size_t i = 2; v && i < c->argc; i++) {
		ptrdiff_t at = sim_items_find(v, c->argv[i]);
		if (at < 0)
			continue;
		v = sim_db_own(sim_db_of(c), v);
		sim_items_remove(v, (size_t)at);
		n++;
	}
	if (n > 0)
		sim_touch_shrunk(c, v);
	sim_int(c, n);
}

/* ------------------------------------------------------------------ hashes ---- */

static bool set_field(struct sim_value *v, struct vr_str field, struct vr_str value)
{
	ptrdiff_t at = sim_items_find(v, field);

	if (at >= 0)
		sim_items_set_b(v, (size_t)at, value);
	else
		sim_items_insert(v, v->n, field, value, 0);
	return at < 0;
}

void sim_hset(struct sim_call *c)
{
	struct sim_value *v;
	int64_t n = 0;

	if (c->argc % 2 == 1) {
		sim_arity_error(c);
		return;
	}
	v = sim_lookup_write(c, SIM_HASH);
	if (!v)
		return;
	for (size_t i = 2; i < c->argc; i += 2)
		n += set_field(v, c->argv[i], c->argv[i + 1]);
	sim_touch(c, c->argv[1]);
	sim_int(c, n);
}

void sim_hsetnx(struct sim_call *c)
{
	struct sim_value *v;

	if (!sim_lookup(c, SIM_HASH, &v))
		return;
	if (v && sim_items_find(v, c->argv[2]) >= 0) {
		sim_int(c, 0);
		return;
	}
	(void)set_field(sim_lookup_write(c, SIM_HASH), c->argv[2], c->argv[3]);
	sim_touch(c, c->argv[1]);
	sim_int(c, 1);
}

static void reply_field(struct sim_call *c, struct vr_reply *to, const struct sim_value *v,
	struct vr_str field)
{
	ptrdiff_t at = v ? sim_items_find(v, field) : -1;

	if (at >= 0)
		sim_str(c, to, sim_item_b(&v->items[at]));
}

void sim_hget(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_HASH, &v))
		reply_field(c, c->out, v, c->argv[2]);
}

void sim_hmget(struct sim_call *c)
{
	struct sim_value *v;
	struct vr_reply *elem;

	if (!sim_lookup(c, SIM_HASH, &v))
		return;
	elem = sim_array(c, c->out, c->argc - 2);
	for (size_t i = 2; i < c->argc; i++)
		reply_field(c, &elem[i - 2], v, c->argv[i]);
}

void sim_hgetall(struct sim_call *c)
{
	struct sim_value *v;
	struct vr_reply *elem;

	if (!sim_lookup(c, SIM_HASH, &v))
		return;
	elem = sim_array(c, c->out, 2 * length(v));
	for (size_t i = 0; i < length(v); i++) {
		sim_str(c, &elem[2 * i], sim_item_a(&v->items[i]));
		sim_str(c, &elem[2 * i + 1], sim_item_b(&v->items[i]));
	}
}

void sim_hdel(struct sim_call *c)
{
	sim_remove_items(c, SIM_HASH);
}

void sim_hlen(struct sim_call *c)
{
	reply_length(c, SIM_HASH);
}

/* ------------------------------------------------------------------ sets ---- */

void sim_sadd(struct sim_call *c)
{
	struct sim_value *v = sim_lookup_write(c, SIM_SET);
	int64_t n = 0;

	if (!v)
		return;
	for (size_t i = 2; i < c->argc; i++) {
		if (sim_items_find(v, c->argv[i]) >= 0)
			continue;
		sim_items_insert(v, v->n, c->argv[i], VR_STR(""), 0);
		n++;
	}
	if (n > 0)
		sim_touch(c, c->argv[1]);
	sim_int(c, n);
}

void sim_srem(struct sim_call *c)
{
	sim_remove_items(c, SIM_SET);
}

static void reply_items(struct sim_call *c, const struct sim_value *v, size_t from, size_t n)
{
	struct vr_reply *elem = sim_array(c, c->out, n);

	for (size_t i = 0; i < n; i++)
		sim_str(c, &elem[i], sim_item_a(&v->items[from + i]));
}

void sim_smembers(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_SET, &v))
		reply_items(c, v, 0, length(v));
}

void sim_scard(struct sim_call *c)
{
	reply_length(c, SIM_SET);
}

/* ------------------------------------------------------------------ lists ---- */

void sim_rpush(struct sim_call *c)
{
	struct sim_value *v = sim_lookup_write(c, SIM_LIST);

	if (!v)
		return;
	for (size_t i = 2; i < c->argc; i++)
		sim_items_insert(v, v->n, c->argv[i], VR_STR(""), 0);
	sim_touch(c, c->argv[1]);
	sim_int(c, (int64_t)v->n);
}

void sim_lrange(struct sim_call *c)
{
	struct sim_value *v;
	int64_t start, stop;
	size_t from = 0, n;

	if (!sim_arg_i64(c, 2, &start) || !sim_arg_i64(c, 3, &stop) || !sim_lookup(c, SIM_LIST, &v))
		return;
	n = sim_range(length(v), start, stop, &from);
	reply_items(c, v, from, n);
}

void sim_llen(struct sim_call *c)
{
	reply_length(c, SIM_LIST);
}

void sim_lindex(struct sim_call *c)
{
	struct sim_value *v;
	int64_t at;

	if (!sim_lookup(c, SIM_LIST, &v) || !v || !sim_arg_i64(c, 2, &at))
		return;
	at = at < 0 ? at + (int64_t)v->n : at;
	if (at >= 0 && at < (int64_t)v->n)
		sim_str(c, c->out, sim_item_a(&v->items[at]));
}
