/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "virality/hash.h"

static void *need(void *p)
{
	if (!p) {
		fputs("vr_golden: out of memory\n", stderr);
		exit(70);
	}
	return p;
}

static struct vr_str row_key(const void *value) { return ((const struct model_row *)value)->key; }

void model_init(struct model *m)
{
	m->mem = vr_mem_heap();
	vr_map_init(&m->map, &m->mem, row_key);
}

static void free_row(struct model_row *row)
{
	free((void *)(uintptr_t)row->key.p);
	free((void *)(uintptr_t)row->value.p);
	free(row);
}

void model_done(struct model *m)
{
	size_t pos = 0;
	for (struct model_row *row; (row = vr_map_next(&m->map, &pos)) != NULL;)
		free_row(row);
	vr_map_done(&m->map);
}

static struct vr_str copy(struct vr_str s)
{
	char *p = need(malloc(s.n + 1));
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct vr_str){p, s.n};
}

struct vr_str model_key(struct vr_buf *b, const struct vr_str *words, size_t n)
{
	vr_buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			vr_buf_byte(b, MODEL_SEPARATOR);
		vr_buf_str_add(b, words[i]);
	}
	return vr_buf_str(b);
}

static struct model_row *find(const struct model *m, struct vr_str key)
{
	return vr_map_find(&m->map, vr_hash64(key), key);
}

void model_set(struct model *m, struct vr_str key, struct vr_str value)
{
	struct model_row *row = find(m, key);
	struct vr_str own = copy(value);
	if (row) {
		free((void *)(uintptr_t)row->value.p);
		row->value = own;
		return;
	}
	row = need(malloc(sizeof(*row)));
	*row = (struct model_row){copy(key), own};
	if (vr_map_put(&m->map, vr_hash64(key), row->key, row))
		need(NULL);
}

void model_append(struct model *m, struct vr_str key, struct vr_str value)
{
	const struct vr_str *old = model_get(m, key);
	if (!old) {
		model_set(m, key, value);
		return;
	}
	char *p = need(malloc(old->n + value.n + 1));
	memcpy(p, old->p, old->n);
	memcpy(p + old->n, value.p, value.n);
	model_set(m, key, (struct vr_str){p, old->n + value.n});
	free(p);
}

void model_del(struct model *m, struct vr_str key)
{
	struct model_row *row = vr_map_remove(&m->map, vr_hash64(key), key);
	if (row)
		free_row(row);
}

bool model_begins(struct vr_str s, struct vr_str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

void model_del_prefix(struct model *m, struct vr_str prefix)
{
	size_t n;
	struct model_row **row = model_rows(m, prefix, &n);
	for (size_t i = 0; i < n; i++)
		model_del(m, row[i]->key);
	free(row);
}

const struct vr_str *model_get(const struct model *m, struct vr_str key)
{
	const struct model_row *row = find(m, key);
	return row ? &row->value : NULL;
}

static int by_key(const void *a, const void *b)
{
	return vr_str_cmp((*(struct model_row *const *)a)->key, (*(struct model_row *const *)b)->key);
}

struct model_row **model_rows(const struct model *m, struct vr_str prefix, size_t *ret_n)
{
	size_t pos = 0, n = 0;
	struct model_row **row = need(malloc((m->map.n + 1) * sizeof(*row)));
	for (struct model_row *r; (r = vr_map_next(&m->map, &pos)) != NULL;)
		if (model_begins(r->key, prefix))
			row[n++] = r;
	qsort(row, n, sizeof(*row), by_key);
	*ret_n = n;
	return row;
}

struct vr_str model_word(struct vr_str key, unsigned i)
{
	struct vr_str word = key;
	for (;; i--) {
		const char *end = memchr(word.p, MODEL_SEPARATOR, (size_t)(key.p + key.n - word.p));
		word.n = (size_t)((end ? end : key.p + key.n) - word.p);
		if (i == 0 || !end)
			return word;
		word.p = end + 1;
	}
}

void model_copy(struct model *to, const struct model *from)
{
	size_t pos = 0;
	model_init(to);
	for (struct model_row *r; (r = vr_map_next(&from->map, &pos)) != NULL;)
		model_set(to, r->key, r->value);
}
