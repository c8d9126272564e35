/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - birth and death of the engine, the end of a cut, questions. */
#include "engine_parts.h"

/* ------------------------------------------------ birth and death ----------------------- */

static struct vr_str content_key(const void *value) { return ((const struct vr_content *)value)->id; }
static struct vr_str channel_key(const void *value) { return ((const struct vr_channel *)value)->name; }
static uint32_t *timer_place(void *member) { return &((struct vr_content *)member)->timer_place; }
static uint32_t *drain_place(void *member) { return &((struct vr_content *)member)->drain_place; }
static int by_id(const void *a, const void *b)
{
	return vr_str_cmp(((const struct vr_content *)a)->id, ((const struct vr_content *)b)->id);
}

static enum vr_err make_boards(struct vr_engine *e)
{
	for (unsigned i = 0; i < e->config.windows.n; i++) {
		enum vr_err err = vr_board_new(&e->pool_mem, e->config.board_size, &e->board[i]);
		if (err)
			return err;
	}
	return vr_board_new(&e->pool_mem, e->config.board_size, &e->trend);
}

static enum vr_err make_parts(struct vr_engine *e)
{
	vr_map_init(&e->contents, &e->pool_mem, content_key);
	vr_map_init(&e->channel_names, &e->pool_mem, channel_key);
	vr_heap_init(&e->timers, &e->pool_mem, timer_place, by_id);
	vr_heap_init(&e->drains, &e->pool_mem, drain_place, NULL);
	vr_arena_init(&e->texts, &e->pool_mem, 0);
	vr_buf_init(&e->scratch, &e->pool_mem);
	vr_buf_init(&e->fields, &e->pool_mem);
	vr_names_init(&e->names, &e->config.windows);
	enum vr_err err = vr_dedup_new(&e->pool_mem, e->config.dedup_window, &e->dedup);
	if (!err)
		err = vr_channel_init(e, &e->all, VR_STR("_all"), VR_CHANNEL_ALL);
	return err ? err : make_boards(e);
}

enum vr_err vr_engine_new(const struct vr_engine_config *config, struct vr_mem *mem, struct vr_engine **ret)
{
	struct vr_engine *e = vr_mem_get(mem, sizeof(*e));
	if (!e)
		return VR_E_NOMEM;
	memset(e, 0, sizeof(*e));
	e->config = *config;
	vr_pool_init(&e->pool, mem);
	e->pool_mem = vr_pool_mem(&e->pool);
	enum vr_err err = make_parts(e);
	if (err) {
		vr_engine_free(e);
		return err;
	}
	*ret = e;
	return VR_OK;
}

void vr_engine_free(struct vr_engine *e)
{
	if (!e)
		return;
	struct vr_mem *mem = e->pool.mem;
	vr_pool_done(&e->pool);		/* everything the engine has is in its pool */
	vr_mem_put(mem, e, sizeof(*e));
}

/* ------------------------------------------------ the cut is in Redis ------------------- */

void vr_engine_committed(struct vr_engine *e)
{
	for (size_t i = 0; i < e->dirty.n; i++) {
		struct vr_content *c = vr_engine_dirty_at(e, i);
		vr_ahead_committed(e, i);
		c->dirty = c->wipe = c->uniques_dirty = c->chans_dirty = false;
		vr_engine_spare(e, c);
	}
	e->dirty.n = 0;
	e->entries.n = 0;
	e->alerts.n = 0;
	vr_arena_reset(&e->texts);
	vr_dedup_committed(e->dedup);
	e->rules_dirty = false;
	e->all.dirty = false;
	for (size_t i = 0; i < e->channels.n; i++)
		vr_engine_channel(e, (uint16_t)i)->dirty = false;
}

void vr_engine_reshow(struct vr_engine *e, struct vr_str id)
{
	struct vr_content *c = vr_engine_find(e, id, vr_hash64(id));
	if (!c || c->records == 0)
		return;
	vr_content_unshown(c, &e->config.windows);
	vr_engine_touch(e, c);
}

/* ------------------------------------------------ questions ----------------------------- */

void vr_engine_facts(const struct vr_engine *e, struct vr_engine_facts *ret)
{
	*ret = (struct vr_engine_facts){
		.stream = e->stream,
		.log = e->log,
		.rules_no = e->rules_no,
		.contents = e->n_contents,
		.pending = e->n_pending,
		.firing = e->n_firing,
		.evicted = e->evicted,
		.views_wait = e->n_waiting,
		.dedup_entries = vr_dedup_count(e->dedup),
		.bytes = e->pool.used,
	};
}

struct vr_wall vr_engine_stream(const struct vr_engine *e) { return e->stream; }
struct vr_wall vr_engine_log(const struct vr_engine *e) { return e->log; }
size_t vr_engine_dirty(const struct vr_engine *e) { return e->dirty.n; }
size_t vr_engine_alerts(const struct vr_engine *e) { return e->alerts.n; }

bool vr_engine_check(const struct vr_engine *e)
{
	size_t n = 0, dirty = 0, spare = 0;
	for (const struct vr_content *c = e->first; c; c = c->next, n++) {
		dirty += c->dirty;
		spare += c->spare;
		if (c->spare && (c->dirty || c->records > 0))
			return false;
		if (c->loaded && !vr_content_check(c, &e->config.windows))
			return false;
		if ((c->timer_place != 0) && !vr_content_has_alert(c))
			return false;
	}
	for (const struct vr_content *c = e->spare; c; c = c->spare_next)
		spare--;
	return !e->broken && spare == 0 && n == e->n_contents && dirty == e->dirty.n && vr_map_check(&e->contents) && vr_heap_check(&e->timers) &&
	       vr_drain_check(e) && vr_dedup_check(e->dedup) && vr_minutes_check(e) && vr_tally_check(&e->all.tally, &e->config.windows);
}
