/* SPDX-License-Identifier: Apache-2.0 */
#include "list.h"

#include <string.h>

void *vr_list_push(struct vr_list *l, struct vr_mem *mem, size_t size)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		void *p = vr_mem_resize(mem, l->at, l->cap * size, cap * size);
		if (!p)
			return NULL;
		l->at = p;
		l->cap = cap;
	}
	void *slot = (char *)l->at + l->n++ * size;
	memset(slot, 0, size);
	return slot;
}

void vr_list_done(struct vr_list *l, struct vr_mem *mem, size_t size)
{
	vr_mem_put(mem, l->at, l->cap * size);
	*l = (struct vr_list){0};
}
