/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

enum vr_err vr_sim_agenda_init(struct vr_sim_agenda *a, struct vr_mem *mem, size_t cap)
{
	*a = (struct vr_sim_agenda){.mem = mem, .cap = cap};
	a->heap = vr_mem_get(mem, cap * sizeof(*a->heap));
	return a->heap ? VR_OK : VR_E_NOMEM;
}

void vr_sim_agenda_done(struct vr_sim_agenda *a)
{
	if (!a->mem)
		return;
	vr_mem_put(a->mem, a->heap, a->cap * sizeof(*a->heap));
	*a = (struct vr_sim_agenda){0};
}

/* Equal times in order of making, so that the order never depends on the heap's shape. */
static bool is_before(const struct vr_sim_act *a, const struct vr_sim_act *b)
{
	if (a->due_ms < b->due_ms || a->due_ms > b->due_ms)
		return a->due_ms < b->due_ms;
	return a->event < b->event;
}

bool vr_sim_agenda_push(struct vr_sim_agenda *a, const struct vr_sim_act *act)
{
	size_t i, up;

	if (a->n == a->cap)
		return false;
	for (i = a->n++; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!is_before(act, &a->heap[up]))
			break;
		a->heap[i] = a->heap[up];
	}
	a->heap[i] = *act;
	return true;
}

struct vr_sim_act vr_sim_agenda_pop(struct vr_sim_agenda *a)
{
	struct vr_sim_act first = a->heap[0], last = a->heap[--a->n];
	size_t i = 0, down;

	for (; (down = 2 * i + 1) < a->n; i = down) {
		if (down + 1 < a->n && is_before(&a->heap[down + 1], &a->heap[down]))
			down++;
		if (!is_before(&a->heap[down], &last))
			break;
		a->heap[i] = a->heap[down];
	}
	a->heap[i] = last;
	return first;
}
