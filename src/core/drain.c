/* SPDX-License-Identifier: Apache-2.0 */
/* drain.c - when the views of a content are written though nothing happens to it.
 *
 *      a count leaves a window ─> due then, spread        ─┐
 *      its views waited until somebody looks ─> due at once ┴─> heap ─> the next cuts, some with each        */
#include "engine_parts.h"

enum { SECOND_MS = 1000, SPREAD_MAX_MS = 60000, AT_ONCE = 0 };

/* Its views waited, and are due at once. */
static bool waits(const struct vr_content *c) { return c->drain_place > 0 && c->drain_due == AT_ONCE; }

/* Mostly a drain is put off, for the content was written meanwhile: its place in the heap is put right when it comes up,
 * for moving it touches many others. */
static enum vr_err drain_at(struct vr_engine *e, struct vr_content *c, int64_t due)
{
	e->n_waiting -= waits(c);
	c->drain_due = due;
	bool soon_enough = c->drain_place > 0 && vr_heap_key(&e->drains, c->drain_place) <= due;
	enum vr_err err = soon_enough || due == INT64_MAX ? VR_OK : vr_heap_set(&e->drains, c, due);
	e->n_waiting += waits(c);
	return err;
}

void vr_drain_forget(struct vr_engine *e, struct vr_content *c)
{
	e->n_waiting -= waits(c);
	vr_heap_remove(&e->drains, c);
}

enum vr_err vr_drain_plan(struct vr_engine *e, struct vr_content *c, struct vr_wall view)
{
	int64_t width = 1;
	int64_t leave = vr_content_next_leave(c, &e->config.windows, view.ms, &width);
	if (leave == INT64_MAX)
		return drain_at(e, c, INT64_MAX);
	int64_t spread = width < SPREAD_MAX_MS ? width : SPREAD_MAX_MS;
	leave += (int64_t)(c->hash % (uint64_t)spread);
	return drain_at(e, c, leave > view.ms + SECOND_MS ? leave : view.ms + SECOND_MS);
}

struct vr_content *vr_drain_next(struct vr_engine *e, struct vr_wall view)
{
	int64_t key;
	struct vr_content *c;
	while ((c = vr_heap_top(&e->drains, &key)) != NULL && key <= view.ms && c->drain_due != key) {
		if (c->drain_due == INT64_MAX)
			vr_heap_remove(&e->drains, c);
		else if (vr_heap_set(&e->drains, c, c->drain_due))
			e->broken = true;
	}
	return c && key <= view.ms ? c : NULL;
}

/* ------------------------------------------------ views that wait ---------------------- */

enum vr_err vr_drain_loaded(struct vr_engine *e, struct vr_content *c)
{
	if (e->views == VR_VIEWS_SHOWN)
		return c->view_at.ms > 0 ? vr_drain_plan(e, c, c->view_at) : VR_OK;
	return e->views == VR_VIEWS_COME && vr_has_views(e, c) ? drain_at(e, c, AT_ONCE) : VR_OK;
}

bool vr_drain_holds(const struct vr_engine *e, const struct vr_content *c)
{
	if (e->views == VR_VIEWS_WAIT)
		return vr_has_views(e, c);
	return e->views == VR_VIEWS_COME && waits(c);
}

bool vr_drain_check(const struct vr_engine *e)
{
	size_t n = 0;
	for (const struct vr_content *c = e->first; c; c = c->next)
		n += waits(c);
	return n == e->n_waiting && vr_heap_check(&e->drains);
}

enum vr_err vr_engine_views(struct vr_engine *e, enum vr_views views)
{
	enum vr_err err = VR_OK;
	bool come = e->views == VR_VIEWS_WAIT && views == VR_VIEWS_COME;
	e->views = views;
	for (struct vr_content *c = e->first; c && come && !err; c = c->next)
		if (c->loaded && c->records > 0 && vr_has_views(e, c))
			err = drain_at(e, c, AT_ONCE);
	return err;
}

bool vr_engine_views_wait(const struct vr_engine *e) { return e->views == VR_VIEWS_WAIT || e->n_waiting > 0; }
