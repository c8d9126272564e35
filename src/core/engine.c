/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_parts.h"

int64_t vr_hour_of(struct vr_wall t) { return vr_bucket_of(t.ms, VR_HOUR_MS); }

/* ------------------------------------------------------------------ birth and death ------- */

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

/* ------------------------------------------------------------------ contents -------------- */

struct vr_str vr_engine_channel_name(const void *engine, uint16_t number)
{
	return vr_engine_channel(engine, number)->name;
}

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
	vr_heap_remove(&e->drains, c);
	for (unsigned i = 0; i < c->n_chan; i++)
		vr_channel_unlink(vr_engine_channel(e, c->chan[i]->channel), c->chan[i]);
	if (c->open)
		for (struct vr_content **p = &e->open; *p; p = &(*p)->open->next)
			if (*p == c) {
				*p = c->open->next;
				break;
			}
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

/* ------------------------------------------------------------------ from the store -------- */

void vr_engine_set_times(struct vr_engine *e, struct vr_wall stream, struct vr_wall log)
{
	e->stream = stream;
	e->log = log;
}

static enum vr_err restore_rules(struct vr_engine *e, struct vr_str value)
{
	struct vr_rd r = vr_rd_of(value);
	uint64_t n = vr_rd_varint(&r);
	for (uint64_t i = 0; i < n && !r.failed; i++) {
		struct vr_since *s = vr_list_push(&e->since, &e->pool_mem, sizeof(*s));
		if (!s)
			return VR_E_NOMEM;
		s->key = vr_rd_varint(&r);
		s->no = (uint32_t)vr_rd_varint(&r);
	}
	return r.failed ? VR_E_CORRUPT : VR_OK;
}

static bool parse_minute(struct vr_str s, int64_t *ret)
{
	int64_t v = 0;
	if (s.n == 0 || s.n > 15)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

enum vr_err vr_engine_restore(struct vr_engine *e, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	int64_t minute;
	if (slot == VR_SLOT_PARTIAL)
		return vr_channel_restore(e, id, value);
	if (slot == VR_SLOT_RULES)
		return restore_rules(e, value);
	if (slot == VR_SLOT_DEDUP && parse_minute(id, &minute))
		return vr_dedup_load(e->dedup, minute, value);
	return VR_E_CORRUPT;
}

void vr_engine_dedup_minutes(struct vr_span window, struct vr_wall stream, int64_t *ret_first, int64_t *ret_last)
{
	vr_dedup_range(window, stream, ret_first, ret_last);
}

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

static struct vr_content *wanted_at(const struct vr_engine *e, size_t i)
{
	VR_ASSERT(i < e->wanted.n);
	return ((struct vr_content **)e->wanted.at)[i];
}

struct vr_str vr_engine_wanted_id(const struct vr_engine *e, size_t i) { return wanted_at(e, i)->id; }

static enum vr_err decode_all(struct vr_engine *e, struct vr_content *c, const struct vr_loaded *l)
{
	const struct vr_windows *w = &e->config.windows;
	enum vr_err err = vr_content_decode(c, &e->pool, w, l->state);
	if (!err && l->channels.n > 0)
		err = vr_content_decode_channels(c, &e->pool, w, l->channels);
	if (!err && l->uniques.n > 0) {
		struct vr_rd r = vr_rd_of(l->uniques);
		err = vr_uniques_decode(&c->uniques, &e->pool, &r);
	}
	return err;
}

static enum vr_err link_loaded(struct vr_engine *e, struct vr_content *c)
{
	for (unsigned i = 0; i < c->n_chan; i++) {
		if (c->chan[i]->channel >= e->channels.n)
			return VR_E_CORRUPT;
		vr_channel_link(vr_engine_channel(e, c->chan[i]->channel), c->chan[i]);
		if (c->chan[i]->share)
			c->chan[i]->share->shown_total = VR_UNSHOWN;
	}
	if (c->open) {
		c->open->next = e->open;
		e->open = c;
	}
	return VR_OK;
}

/* What a loaded content sets going: its alerts' timers, the next drain of its views, its places on boards. */
static enum vr_err wake_loaded(struct vr_engine *e, struct vr_content *c)
{
	vr_judge_loaded(e, c);
	c->stored_hour = c->hour;
	c->uniques_stale = true;
	c->shown_uniques = VR_UNSHOWN;
	c->shown_top = VR_TOP_UNKNOWN;
	c->has_info = vr_content_is_long(c);
	enum vr_err err = vr_timer_set(e, c);
	/* Being in the timers is what got it loaded; the next cut finds out whether it still belongs there. */
	c->stored_timer = vr_content_has_alert(c) ? -1 : 0;
	if (!err && c->view_at.ms > 0)
		err = vr_drain_plan(e, c, c->view_at);
	vr_boards_raise(e, c, NULL);
	for (unsigned i = 0; i < c->n_chan; i++)
		vr_boards_raise(e, c, c->chan[i]);
	if (!err && c->open && c->open->minute < vr_bucket_of(e->stream.ms, VR_MINUTE_MS))
		err = vr_minute_close(e, c);
	return err;
}

static enum vr_err load_state(struct vr_engine *e, struct vr_content *c, const struct vr_loaded *l)
{
	enum vr_err err = decode_all(e, c, l);
	if (!err)
		err = link_loaded(e, c);
	if (err)
		return err;
	if (c->home == VR_HOME_UNKNOWN && l->home_known)
		c->home = l->is_home ? VR_HOME_HERE : VR_HOME_ELSEWHERE;
	c->stored_hour = c->hour;
	if (c->hour < vr_engine_forget_below(e)) {
		vr_engine_absent(e, c);
		return VR_OK;
	}
	/* Offset and states are written together: ahead of it is only what the store put together wrongly. */
	if (l->off_known && c->last_off >= l->off)
		return VR_E_CORRUPT;
	return wake_loaded(e, c);
}

enum vr_err vr_engine_load(struct vr_engine *e, size_t i, const struct vr_loaded *l, bool *ret_more)
{
	struct vr_content *c = wanted_at(e, i);
	*ret_more = l->has_state && ((vr_content_wants_uniques(l->state) && l->uniques.n == 0) ||
				     (vr_content_wants_channels(l->state) && l->channels.n == 0));
	if (*ret_more || c->loaded)
		return VR_OK;
	c->loaded = true;
	if (!l->has_state) {
		c->home = !l->home_known ? VR_HOME_UNKNOWN : l->is_home ? VR_HOME_HERE : VR_HOME_ELSEWHERE;
		return VR_OK;
	}
	return load_state(e, c, l);
}

void vr_engine_loaded_all(struct vr_engine *e)
{
	for (size_t i = 0; i < e->wanted.n; i++)
		VR_ASSERT(wanted_at(e, i)->loaded);
	e->wanted.n = 0;
}

bool vr_engine_has(const struct vr_engine *e, struct vr_str id)
{
	const struct vr_content *c = vr_engine_find(e, id, vr_hash64(id));
	return c && c->loaded;
}

int64_t vr_engine_forget_below(const struct vr_engine *e)
{
	return e->log.ms <= 0 ? INT64_MIN : vr_hour_of(e->log) - e->config.retention.ms / VR_HOUR_MS;
}

/* ------------------------------------------------------------------ the memory's cap ------ */

static void drop_spare(struct vr_engine *e)
{
	while (e->spare) {
		struct vr_content *c = e->spare;
		e->spare = c->spare_next;
		remove_content(e, c);
	}
}

static bool may_drop(const struct vr_content *c)
{
	return c->loaded && !c->dirty && !c->open && c->timer_place == 0;
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
			if (!may_drop(c))
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

/* ------------------------------------------------------------------ the cut is in Redis --- */

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

/* ------------------------------------------------------------------ questions ------------- */

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
		.dedup_entries = vr_dedup_count(e->dedup),
		.bytes = e->pool.used,
	};
}

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
	       vr_heap_check(&e->drains) && vr_dedup_check(e->dedup) && vr_tally_check(&e->all.tally, &e->config.windows);
}
