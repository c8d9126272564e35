/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "simredis_store.h"
#include "virality/hash.h"

#define NODE_ENTRIES 100

void *sim_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	VR_ASSERT(q);
	return q;
}

static char *dup_bytes(const char *p, size_t n)
{
	char *q = sim_realloc(NULL, n);

	if (n > 0)
		memcpy(q, p, n);
	return q;
}

/* Room for one more of `size` bytes each. */
static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 4;
	return sim_realloc(p, *cap * size);
}

/* ------------------------------------------------------------------ values ---- */

static struct sim_value *new_value(struct vr_str key, enum sim_type type)
{
	struct sim_value *v = sim_realloc(NULL, sizeof(*v));

	*v = (struct sim_value){.refs = 1, .type = type, .key = dup_bytes(key.p, key.n), .key_n = key.n};
	return v;
}

static void unref(struct sim_value *v)
{
	if (--v->refs > 0)
		return;
	for (size_t i = 0; v->items && i < v->n; i++)
		free(v->items[i].p);
	for (size_t i = 0; v->entries && i < v->n; i++)
		free(v->entries[i].p);
	free(v->items);
	free(v->entries);
	free(v->nodes);
	free(v->text);
	free(v->key);
	free(v);
}

static struct sim_value *copy_value(const struct sim_value *from, struct vr_str key)
{
	struct sim_value *v = new_value(key, from->type);

	v->n = v->cap = from->n;
	v->last = from->last;
	v->nodes_n = v->nodes_cap = from->nodes_n;
	if (from->text)
		v->text = dup_bytes(from->text, from->n);
	if (from->items)
		v->items = (void *)dup_bytes((void *)from->items, from->n * sizeof(*v->items));
	if (from->entries)
		v->entries = (void *)dup_bytes((void *)from->entries, from->n * sizeof(*v->entries));
	if (from->nodes)
		v->nodes = (void *)dup_bytes((void *)from->nodes, from->nodes_n * sizeof(*v->nodes));
	for (size_t i = 0; v->items && i < v->n; i++)
		v->items[i].p = dup_bytes(v->items[i].p, v->items[i].na + v->items[i].nb);
	for (size_t i = 0; v->entries && i < v->n; i++)
		v->entries[i].p = dup_bytes(v->entries[i].p, v->entries[i].n);
	return v;
}

/* ------------------------------------------------------------------ databases ---- */

static struct vr_str key_of(const void *value)
{
	return sim_value_key(value);
}

void sim_db_init(struct sim_db *db)
{
	db->mem = vr_mem_heap();
	vr_map_init(&db->map, &db->mem, key_of);
}

void sim_db_done(struct sim_db *db)
{
	struct sim_value *v;
	size_t pos = 0;

	while ((v = vr_map_next(&db->map, &pos)))
		unref(v);
	vr_map_done(&db->map);
}

static void put(struct sim_db *db, struct sim_value *v)
{
	struct vr_str key = sim_value_key(v);

	VR_ASSERT(vr_map_put(&db->map, vr_hash64(key), key, v) == VR_OK);
}

void sim_db_clone(struct sim_db *to, const struct sim_db *from)
{
	struct sim_value *v;
	size_t pos = 0;

	sim_db_init(to);
	VR_ASSERT(vr_map_reserve(&to->map, from->map.n) == VR_OK);
	while ((v = vr_map_next(&from->map, &pos))) {
		v->refs++;
		put(to, v);
	}
}

struct sim_value *sim_db_find(const struct sim_db *db, struct vr_str key)
{
	return db->map.n ? vr_map_find(&db->map, vr_hash64(key), key) : NULL;
}

struct sim_value *sim_db_own(struct sim_db *db, struct sim_value *v)
{
	struct sim_value *copy;

	if (v->refs == 1)
		return v;
	copy = copy_value(v, sim_value_key(v));
	put(db, copy);
	unref(v);
	return copy;
}

struct sim_value *sim_db_create(struct sim_db *db, struct vr_str key, enum sim_type type)
{
	struct sim_value *old = sim_db_find(db, key);
	struct sim_value *v = new_value(key, type);

	put(db, v);
	if (old)
		unref(old);
	return v;
}

bool sim_db_remove(struct sim_db *db, struct vr_str key)
{
	struct sim_value *v = db->map.n ? vr_map_remove(&db->map, vr_hash64(key), key) : NULL;

	if (v)
		unref(v);
	return v != NULL;
}

void sim_db_rename(struct sim_db *db, struct vr_str from, struct vr_str to)
{
	struct sim_value *v = sim_db_find(db, from);
	struct sim_value *copy = copy_value(v, to);

	(void)sim_db_remove(db, from);
	(void)sim_db_remove(db, to);
	put(db, copy);
}

/* ------------------------------------------------------------------ text and items ---- */

void sim_text_append(struct sim_value *v, struct vr_str s)
{
	if (v->n + s.n > v->cap || !v->text) {
		v->cap = (v->n + s.n) + (v->n ? v->n : 0);
		v->text = sim_realloc(v->text, v->cap);
	}
	if (s.n > 0)
		memcpy(v->text + v->n, s.p, s.n);
	v->n += s.n;
}

ptrdiff_t sim_items_find(const struct sim_value *v, struct vr_str a)
{
	for (size_t i = 0; i < v->n; i++)
		if (vr_str_eq(sim_item_a(&v->items[i]), a))
			return (ptrdiff_t)i;
	return -1;
}

static char *join(struct vr_str a, struct vr_str b)
{
	char *p = sim_realloc(NULL, a.n + b.n);

	if (a.n > 0)
		memcpy(p, a.p, a.n);
	if (b.n > 0)
		memcpy(p + a.n, b.p, b.n);
	return p;
}

void sim_items_insert(struct sim_value *v, size_t at, struct vr_str a, struct vr_str b, double score)
{
	v->items = grow(v->items, v->n, &v->cap, sizeof(*v->items));
	memmove(v->items + at + 1, v->items + at, (v->n - at) * sizeof(*v->items));
	v->items[at] = (struct sim_item){join(a, b), a.n, b.n, score};
	v->n++;
}

void sim_items_remove(struct sim_value *v, size_t at)
{
	free(v->items[at].p);
	v->n--;
	memmove(v->items + at, v->items + at + 1, (v->n - at) * sizeof(*v->items));
}

void sim_items_set_b(struct sim_value *v, size_t at, struct vr_str b)
{
	struct sim_item *i = &v->items[at];
	char *p = join(sim_item_a(i), b);

	free(i->p);
	i->p = p;
	i->nb = b.n;
}

/* ------------------------------------------------------------------ streams ---- */

static char *pack(const struct vr_str *parts, size_t count, size_t *ret_n)
{
	size_t n = 0, at = 0;
	char *p;

	for (size_t i = 0; i < count; i++)
		n += sizeof(size_t) + parts[i].n;
	p = sim_realloc(NULL, n);
	for (size_t i = 0; i < count; i++) {
		memcpy(p + at, &parts[i].n, sizeof(size_t));
		memcpy(p + at + sizeof(size_t), parts[i].p, parts[i].n);
		at += sizeof(size_t) + parts[i].n;
	}
	*ret_n = n;
	return p;
}

static struct sim_node *last_node(struct sim_value *v)
{
	struct sim_node *last = v->nodes_n ? &v->nodes[v->nodes_n - 1] : NULL;

	if (last && last->total < NODE_ENTRIES)
		return last;
	v->nodes = grow(v->nodes, v->nodes_n, &v->nodes_cap, sizeof(*v->nodes));
	v->nodes[v->nodes_n] = (struct sim_node){.number = v->nodes_n ? v->nodes[v->nodes_n - 1].number + 1 : 0};
	return &v->nodes[v->nodes_n++];
}

void sim_entries_add(struct sim_value *v, struct sim_id id, const struct vr_str *parts, size_t count)
{
	struct sim_node *node = last_node(v);
	struct sim_entry e = {.id = id, .node = node->number, .count = count};

	e.p = pack(parts, count, &e.n);
	node->live++;
	node->total++;
	v->entries = grow(v->entries, v->n, &v->cap, sizeof(*v->entries));
	v->entries[v->n++] = e;
	v->last = id;
}

static void leave_node(struct sim_value *v, uint64_t number)
{
	size_t i = 0;

	while (v->nodes[i].number != number)
		i++;
	if (--v->nodes[i].live > 0)
		return;
	v->nodes_n--;
	memmove(v->nodes + i, v->nodes + i + 1, (v->nodes_n - i) * sizeof(*v->nodes));
}

void sim_entries_remove(struct sim_value *v, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++) {
		leave_node(v, v->entries[i].node);
		free(v->entries[i].p);
	}
	v->n -= n;
	memmove(v->entries + at, v->entries + at + n, (v->n - at) * sizeof(*v->entries));
}

struct vr_str sim_entry_part(const struct sim_entry *e, size_t *pos)
{
	size_t n;
	const char *p = e->p + *pos + sizeof(n);

	memcpy(&n, e->p + *pos, sizeof(n));
	*pos += sizeof(n) + n;
	return (struct vr_str){p, n};
}
