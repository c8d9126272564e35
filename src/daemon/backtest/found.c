/* SPDX-License-Identifier: Apache-2.0 */
#include "found.h"

#include <stdlib.h>

#include "virality/hash.h"

static struct vr_str id_of(const void *found)
{
	return (struct vr_str){((const struct vr_found *)found)->id, VR_ALERT_ID_LEN};
}

void vr_found_init(struct vr_found_list *l, struct vr_mem *mem)
{
	*l = (struct vr_found_list){.mem = mem};
	vr_arena_init(&l->texts, mem, 0);
	vr_map_init(&l->open, mem, id_of);
}

void vr_found_done(struct vr_found_list *l)
{
	vr_map_done(&l->open);
	vr_mem_put(l->mem, l->at, l->cap * sizeof(struct vr_found *));
	vr_arena_done(&l->texts);
}

bool vr_found_is_said(const struct vr_alert *a)
{
	return a->state == VR_ALERT_FIRING || (a->state == VR_ALERT_RESOLVED && a->was_firing);
}

static bool grow(struct vr_found_list *l)
{
	if (l->n < l->cap)
		return true;
	size_t cap = l->cap ? l->cap * 2 : 256;
	void *at = vr_mem_resize(l->mem, l->at, l->cap * sizeof(struct vr_found *), cap * sizeof(struct vr_found *));
	if (!at)
		return false;
	l->at = at;
	l->cap = cap;
	return true;
}

static struct vr_str keep(struct vr_found_list *l, struct vr_str s)
{
	struct vr_str copy = {0};
	l->failed |= vr_arena_dup(&l->texts, s, &copy) != VR_OK;
	return copy;
}

static void add(struct vr_found_list *l, const struct vr_alert *a)
{
	struct vr_found *f = grow(l) ? vr_arena_alloc(&l->texts, sizeof(*f)) : NULL;
	if (!f) {
		l->failed = true;
		return;
	}
	*f = (struct vr_found){
		.name = keep(l, a->alertname), .severity = keep(l, a->severity), .content_id = keep(l, a->content_id),
		.title = keep(l, a->title), .topic = keep(l, a->topic), .partition = a->partition, .offset = a->offset,
		.starts = a->starts, .fired = a->updated, .value = a->value, .threshold = a->threshold};
	memcpy(f->id, a->id, sizeof(f->id));
	l->at[l->n++] = f;
	l->failed |= vr_map_put(&l->open, vr_hash64(id_of(f)), id_of(f), f) != VR_OK;
}

void vr_found_take(struct vr_found_list *l, const struct vr_alert *a)
{
	struct vr_str id = {a->id, VR_ALERT_ID_LEN};
	if (!vr_found_is_said(a))
		return;
	if (a->state == VR_ALERT_FIRING) {
		add(l, a);
		return;
	}
	struct vr_found *f = vr_map_remove(&l->open, vr_hash64(id), id);
	if (f) {
		f->ends = a->ends;
		f->reason = a->reason;
	}
}

static int order(int64_t a, int64_t b) { return (a > b) - (a < b); }

int vr_found_order(const struct vr_found *a, const struct vr_found *b)
{
	int c = order(a->fired.ms, b->fired.ms);
	c = c ? c : vr_str_cmp(a->topic, b->topic);
	c = c ? c : order(a->partition, b->partition);
	c = c ? c : order(a->offset, b->offset);
	c = c ? c : vr_str_cmp(a->name, b->name);
	c = c ? c : vr_str_cmp(a->content_id, b->content_id);
	return c ? c : memcmp(a->id, b->id, VR_ALERT_ID_LEN);
}

static int by_order(const void *a, const void *b)
{
	return vr_found_order(*(struct vr_found *const *)a, *(struct vr_found *const *)b);
}

void vr_found_sort(struct vr_found_list *l)
{
	if (l->n > 1)
		qsort(l->at, l->n, sizeof(struct vr_found *), by_order);
}
