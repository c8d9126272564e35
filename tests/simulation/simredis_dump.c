/* SPDX-License-Identifier: Apache-2.0 */
/* All state as text: "db key type" and below it a line for each member, sorted where order is no part of
 * the value. */
#include <stdio.h>
#include <stdlib.h>
#include "simredis_exec.h"

static void add_word(struct vr_buf *b, struct vr_str s)
{
	char hex[8];

	vr_buf_byte(b, ' ');
	vr_buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch > ' ' && ch < 0x7f && ch != '"' && ch != '\\') {
			vr_buf_byte(b, ch);
			continue;
		}
		(void)snprintf(hex, sizeof(hex), "\\x%02x", ch);
		vr_buf_c(b, hex);
	}
	vr_buf_byte(b, '"');
}

static int compare_item(const void *a, const void *b)
{
	return vr_str_cmp(sim_item_a(a), sim_item_a(b));
}

static void dump_items(struct vr_buf *b, const struct sim_value *v)
{
	struct sim_item *items = sim_realloc(NULL, v->n * sizeof(*items));
	char score[40];

	if (v->n > 0)
		memcpy(items, v->items, v->n * sizeof(*items));
	if (v->type == SIM_HASH || v->type == SIM_SET)
		qsort(items, v->n, sizeof(*items), compare_item);
	for (size_t i = 0; i < v->n; i++) {
		add_word(b, sim_item_a(&items[i]));
		if (v->type == SIM_HASH)
			add_word(b, sim_item_b(&items[i]));
		(void)snprintf(score, sizeof(score), " %.17g", items[i].score);
		vr_buf_c(b, v->type == SIM_ZSET ? score : "");
		vr_buf_byte(b, '\n');
	}
	free(items);
}

static void dump_entries(struct vr_buf *b, const struct sim_value *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct sim_entry *e = &v->entries[i];
		size_t pos = 0;
		vr_buf_byte(b, ' ');
		vr_buf_u64(b, e->id.ms);
		vr_buf_byte(b, '-');
		vr_buf_u64(b, e->id.seq);
		for (size_t k = 0; k < e->count; k++)
			add_word(b, sim_entry_part(e, &pos));
		vr_buf_byte(b, '\n');
	}
}

static void dump_value(struct vr_buf *b, int db, const struct sim_value *v)
{
	static const char *const names[] = {[SIM_STRING] = "string", [SIM_HASH] = "hash", [SIM_ZSET] = "zset",
		[SIM_LIST] = "list", [SIM_SET] = "set", [SIM_STREAM] = "stream"};

	vr_buf_u64(b, (uint64_t)db);
	add_word(b, sim_value_key(v));
	vr_buf_byte(b, ' ');
	vr_buf_c(b, names[v->type]);
	if (v->type == SIM_STRING)
		add_word(b, (struct vr_str){v->text, v->n});
	vr_buf_byte(b, '\n');
	if (v->items)
		dump_items(b, v);
	if (v->entries)
		dump_entries(b, v);
}

static int compare_key(const void *a, const void *b)
{
	return vr_str_cmp(sim_value_key(*(struct sim_value *const *)a),
		sim_value_key(*(struct sim_value *const *)b));
}

static void dump_db(struct vr_buf *b, const struct sim_redis *s, int db)
{
	const struct vr_map *map = &s->db[db].map;
	struct sim_value **values = sim_realloc(NULL, map->n * sizeof(*values)), *v;
	size_t pos = 0, n = 0;

	while ((v = vr_map_next(map, &pos)))
		values[n++] = v;
	qsort(values, n, sizeof(struct sim_value *), compare_key);
	for (size_t i = 0; i < n; i++)
		dump_value(b, db, values[i]);
	free(values);
}

void sim_redis_dump(const struct sim_redis *s, int db, struct vr_buf *b)
{
	for (int i = 0; i < SIM_DBS; i++)
		if (db < 0 || db == i)
			dump_db(b, s, i);
}
