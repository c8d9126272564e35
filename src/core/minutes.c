/* SPDX-License-Identifier: Apache-2.0 */
/* minutes.c - the time series of contents: what is counted in the minute that stream time stands in, and the entries of
 * minutes it has left.
 *
 *      open (this minute) ──stream time goes on──> left ──an event of the content, or some with every cut──> entry
 *
 * Thousands of contents leave a minute at once. Each is written anyhow when it is counted next; the others follow a few
 * at a time, so that no cut is larger for it. An entry is the same whenever it is made: it takes nothing in once it is left. */
#include "engine_parts.h"

enum { AT_ONCE = 64 };

/* Its own, or one that stream time has left. */
static bool is_left(const struct vr_engine *e, const struct vr_content *c)
{
	return c->open->minute < vr_bucket_of(e->stream.ms, VR_MINUTE_MS);
}

void vr_minute_link(struct vr_engine *e, struct vr_content *c)
{
	struct vr_minutes *list = is_left(e, c) ? &e->left : &e->open;
	c->open->next = list->first;
	c->open->from = &list->first;
	if (list->first)
		list->first->open->from = &c->open->next;
	list->first = c;
	list->n++;
}

void vr_minute_unlink(struct vr_engine *e, struct vr_content *c)
{
	struct vr_minutes *list = is_left(e, c) ? &e->left : &e->open;
	*c->open->from = c->open->next;
	if (c->open->next)
		c->open->next->open->from = c->open->from;
	list->n--;
}

/* Behind those that wait already. */
void vr_minutes_leave(struct vr_engine *e)
{
	struct vr_content **end = &e->left.first;
	while (*end)
		end = &(*end)->open->next;
	*end = e->open.first;
	if (*end)
		(*end)->open->from = end;
	e->left.n += e->open.n;
	e->open = (struct vr_minutes){.first = NULL};
}

enum vr_err vr_minute_close(struct vr_engine *e, struct vr_content *c)
{
	struct vr_entry *entry = vr_list_push(&e->entries, &e->pool_mem, sizeof(*entry));
	if (!entry)
		return VR_E_NOMEM;
	entry->content = c;
	entry->minute = c->open->minute;
	entry->late = c->late;
	memcpy(entry->count, c->open->count, sizeof(entry->count));
	vr_minute_unlink(e, c);
	vr_pool_put(&e->pool, c->open, sizeof(*c->open));
	c->open = NULL;
	c->late = 0;
	vr_engine_touch(e, c);
	return VR_OK;
}

enum vr_err vr_minutes_close(struct vr_engine *e, size_t most)
{
	enum vr_err err = VR_OK;
	size_t always = AT_ONCE + e->left.n / AT_ONCE;
	for (size_t n = most > always ? most : always; n > 0 && e->left.first && !err; n--)
		err = vr_minute_close(e, e->left.first);
	return err;
}

size_t vr_engine_minutes_wait(const struct vr_engine *e) { return e->left.n; }

static enum vr_err open_minute(struct vr_engine *e, struct vr_content *c)
{
	c->open = vr_pool_get(&e->pool, sizeof(*c->open));
	if (!c->open)
		return VR_E_NOMEM;
	c->has_series = true;
	c->open->minute = e->minute;
	vr_minute_link(e, c);
	return VR_OK;
}

enum vr_err vr_minute_count(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev, struct vr_wall t)
{
	enum vr_err err = VR_OK;
	if (c->records < e->config.ts_min_events || c->home == VR_HOME_ELSEWHERE)
		return VR_OK;
	if (c->open && c->open->minute != e->minute)
		err = vr_minute_close(e, c);
	if (!err && t.ms != e->stream.ms && vr_bucket_of(t.ms, VR_MINUTE_MS) != e->minute) {
		c->late += c->has_series ? ev->count : 0;
		return VR_OK;
	}
	if (!err && !c->open)
		err = open_minute(e, c);
	if (!err)
		c->open->count[ev->action] += ev->count;
	return err;
}

bool vr_minutes_check(const struct vr_engine *e)
{
	const struct vr_minutes *list[] = {&e->open, &e->left};
	for (int i = 0; i < 2; i++) {
		size_t n = 0;
		struct vr_content *const *from = &list[i]->first;
		for (const struct vr_content *c = *from; c; from = &c->open->next, c = *from, n++)
			if (c->open->from != from || is_left(e, c) != (list[i] == &e->left))
				return false;
		if (n != list[i]->n)
			return false;
	}
	return true;
}
