/* SPDX-License-Identifier: Apache-2.0 */
/* engine_contents.c - the contents in memory: found, wanted, changed, forgotten, and dropped where there are too many. */
#include "engine_parts.h"

int64_t vr_hour_of(struct vr_wall t) { return vr_bucket_of(t.ms, VR_HOUR_MS); }

struct vr_content *vr_engine_find(const struct vr_engine *e, struct vr_str id, uint64_t hash)
{
	return vr_map_find(&e->contents, hash, id);
}

void vr_engine_spare(struct vr_engine *e, struct vr_content *c)
{
	if (c->records > 0 || c->dirty || c->spare)
		return;
	c->spare = true;
	c->spare_next = e->spare;
	e->spare = c;
}

static void unspare(struct vr_engine *e, struct vr_content *c)
{
	struct vr_content **p = &e->spare;
	while (*p != c)
		p = &(*p)->spare_next;
	*p = c->spare_next;
	c->spare = false;
}

void vr_engine_touch(struct vr_engine *e, struct vr_content *c)
{
	if (c->dirty)
		return;
	if (c->spare)
		unspare(e, c);
	struct vr_content **slot = vr_list_push(&e->dirty, &e->pool_mem, sizeof(c));
	if (!slot) {
		e->broken = true;
		return;
	}
	*slot = c;
	c->dirty = true;
}

static struct vr_content *add_content(struct vr_engine *e, struct vr_str id, uint64_t hash)
{
	struct vr_content *c = vr_content_new(&e->pool, id, hash);
	if (!c)
		return NULL;
	if (vr_map_put(&e->contents, hash, c->id, c)) {
		vr_content_free(c, &e->pool, &e->config.windows);
		return NULL;
	}
	c->prev = e->last;
	if (e->last)
		e->last->next = c;
	else
		e->first = c;
	e->last = c;
	e->n_contents++;
	return c;
}

static void unlink_content(struct vr_engine *e, struct vr_content *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		e->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		e->last = c->prev;
}

/* Out of every structure that points at it but the map and the list. */
static void detach(struct vr_engine *e, struct vr_content *c)
{
	vr_boards_drop(e, c);
	vr_heap_remove(&e->timers, c);
	vr_drain_forget(e, c);
	for (unsigned i = 0; i < c->n_chan; i++)
		vr_channel_unlink(vr_engine_channel(e, c->chan[i]->channel), c->chan[i]);
	if (c->open)
		vr_minute_unlink(e, c);
}

static void remove_content(struct vr_engine *e, struct vr_content *c)
{
	detach(e, c);
	vr_map_remove(&e->contents, c->hash, c->id);
	unlink_content(e, c);
	vr_content_free(c, &e->pool, &e->config.windows);
	e->n_contents--;
}

/* The object stays, for it may be wanted by this very record; its entries of closed minutes are void. */
void vr_engine_absent(struct vr_engine *e, struct vr_content *c)
{
	detach(e, c);
	struct vr_entry *entry = e->entries.at;
	for (size_t i = 0; i < e->entries.n; i++)
		if (entry[i].content == c)
			entry[i].content = NULL;
	vr_engine_touch(e, c);
	struct vr_content *fresh = vr_content_new(&e->pool, c->id, c->hash);
	if (!fresh) {
		e->broken = true;
		return;
	}
	struct vr_content old = *c;
	*c = *fresh;
	c->id = old.id;
	c->next = old.next;
	c->prev = old.prev;
	c->dirty = c->loaded = c->wipe = true;
	c->home = old.home;
	c->stored_hour = old.stored_hour;
	c->stored_timer = old.stored_timer;
	/* `fresh` takes the old insides to the grave with it. */
	struct vr_str fresh_id = {(const char *)(fresh + 1), old.id.n};
	*fresh = old;
	fresh->id = fresh_id;
	vr_content_free(fresh, &e->pool, &e->config.windows);
}

/* ------------------------------------------------ wanted -------------------------------- */

static enum vr_err miss(struct vr_engine *e, struct vr_str id, uint64_t hash, struct vr_content **ret)
{
	struct vr_content *c = add_content(e, id, hash);
	struct vr_content **slot = c ? vr_list_push(&e->wanted, &e->pool_mem, sizeof(c)) : NULL;
	if (!slot) {
		e->broken = true;
		return VR_E_NOMEM;
	}
	*slot = *ret = c;
	return VR_OK;
}

enum vr_err vr_want(struct vr_engine *e, struct vr_str id, uint64_t hash, struct vr_content **ret)
{
	struct vr_content *c = vr_engine_find(e, id, hash);
	enum vr_err err = c ? VR_OK : miss(e, id, hash, &c);
	if (err)
		return err;
	c->touched = true;
	*ret = c;
	return VR_OK;
}

enum vr_err vr_engine_want(struct vr_engine *e, struct vr_str id, bool *ret_at_hand)
{
	struct vr_content *c;
	enum vr_err err = vr_want(e, id, vr_hash64(id), &c);
	if (!err)
		*ret_at_hand = c->loaded;
	return err;
}

size_t vr_engine_wanted(const struct vr_engine *e) { return e->wanted.n; }

struct vr_str vr_engine_wanted_id(const struct vr_engine *e, size_t i) { return vr_engine_wanted_at(e, i)->id; }

bool vr_engine_has(const struct vr_engine *e, struct vr_str id)
{
	const struct vr_content *c = vr_engine_find(e, id, vr_hash64(id));
	return c && c->loaded;
}

int64_t vr_engine_forget_below(const struct vr_engine *e)
{
	return e->log.ms <= 0 ? INT64_MIN : e->hour - e->config.retention.ms / VR_HOUR_MS;
}

/* ------------------------------------------------ the memory's cap ---------------------- */

static void drop_spare(struct vr_engine *e)
{
	while (e->spare) {
		struct vr_content *c = e->spare;
		e->spare = c->spare_next;
		remove_content(e, c);
	}
}

static bool may_drop(const struct vr_engine *e, const struct vr_content *c)
{
	return c->loaded && !c->dirty && !c->open && c->timer_place == 0 && !vr_drain_holds(e, c);
}

bool vr_engine_evict(struct vr_engine *e)
{
	if (e->wanted.n == 0)
		drop_spare(e);
	if (e->config.max_contents == 0 || e->n_contents <= e->config.max_contents || e->wanted.n > 0)
		return false;
	/* Second chance in order of birth; a tenth more goes than must, so that this does not run for every batch. */
	uint64_t goal = e->config.max_contents - e->config.max_contents / 10;
	bool incomplete = false;
	for (int round = 0; round < 2; round++)
		for (struct vr_content *c = e->first, *next; c && e->n_contents > goal; c = next) {
			next = c->next;
			if (!may_drop(e, c))
				continue;
			if (c->touched && round == 0) {
				c->touched = false;
				continue;
			}
			incomplete |= !vr_tally_empty(&c->tally, &e->config.windows, e->stream);
			remove_content(e, c);
			e->evicted++;
		}
	return incomplete;
}
