/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* simredis_store.h - the values of the simulated server.
 *
 * Picture:   db: map key -> value (counted references) -> text | items | stream
 * A value with more than one reference is never written: sim_db_own gives a copy that is the database's
 * alone.
 * Small collections are arrays searched from the front: in a simulation they are small.
 * Ownership: a database holds one reference to each of its values.   Threads: one owner.   Fails: aborts. */
#include <stdint.h>
#include "virality/map.h"

enum sim_type { SIM_STRING, SIM_HASH, SIM_ZSET, SIM_LIST, SIM_SET, SIM_STREAM };

/* A field with its value, or a member with its score. p: na bytes, then nb bytes. */
struct sim_item {
	char *p;
	size_t na, nb;
	double score;
};

struct sim_id { uint64_t ms, seq; };

/* p: `count` times length (size_t) and bytes. */
struct sim_entry {
	struct sim_id id;
	uint64_t node;
	char *p;
	size_t n, count;
};

/* Entries live in nodes of 100, and trimming with ~ drops whole nodes only. */
struct sim_node {
	uint64_t number;
	size_t live, total;
};

struct sim_value {
	unsigned refs;
	enum sim_type type;
	char *key;
	size_t key_n;
	char *text;				/* string */
	size_t n, cap;				/* of text, items or entries */
	struct sim_item *items;			/* hash, set, list: in order of insertion; zset: in its order */
	struct sim_entry *entries;		/* stream */
	struct sim_node *nodes;
	size_t nodes_n, nodes_cap;
	struct sim_id last;
};

struct sim_db {
	struct vr_mem mem;
	struct vr_map map;
};

void *sim_realloc(void *p, size_t n);

void sim_db_init(struct sim_db *db);
void sim_db_done(struct sim_db *db);
void sim_db_clone(struct sim_db *to, const struct sim_db *from);

struct sim_value *sim_db_find(const struct sim_db *db, struct vr_str key);
/** To write into: a copy takes the place of a value that others hold, too. */
struct sim_value *sim_db_own(struct sim_db *db, struct sim_value *v);
/** An empty value of that type; replaces what is there. */
struct sim_value *sim_db_create(struct sim_db *db, struct vr_str key, enum sim_type type);
bool sim_db_remove(struct sim_db *db, struct vr_str key);
/** Move under another name, replacing what is there. */
void sim_db_rename(struct sim_db *db, struct vr_str from, struct vr_str to);

static inline struct vr_str sim_value_key(const struct sim_value *v)
{
	return (struct vr_str){v->key, v->key_n};
}
static inline struct vr_str sim_item_a(const struct sim_item *i)
{
	return (struct vr_str){i->p, i->na};
}
static inline struct vr_str sim_item_b(const struct sim_item *i)
{
	return (struct vr_str){i->p + i->na, i->nb};
}

void sim_text_append(struct sim_value *v, struct vr_str s);
/** Index of the item whose first part is a, or -1. */
ptrdiff_t sim_items_find(const struct sim_value *v, struct vr_str a);
void sim_items_insert(struct sim_value *v, size_t at, struct vr_str a, struct vr_str b, double score);
void sim_items_remove(struct sim_value *v, size_t at);
void sim_items_set_b(struct sim_value *v, size_t at, struct vr_str b);

void sim_entries_add(struct sim_value *v, struct sim_id id, const struct vr_str *parts, size_t count);
/** Remove entries [at, at + n). */
void sim_entries_remove(struct sim_value *v, size_t at, size_t n);
/** The parts of an entry, one after another: start with *pos = 0. */
struct vr_str sim_entry_part(const struct sim_entry *e, size_t *pos);
static inline int sim_id_cmp(struct sim_id a, struct sim_id b)
{
	return a.ms != b.ms ? (a.ms > b.ms) - (a.ms < b.ms) : (a.seq > b.seq) - (a.seq < b.seq);
}
