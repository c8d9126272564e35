/* SPDX-License-Identifier: Apache-2.0 */
/* engine_load.c - what the store gives back: the partition's own, then one content after the other. */
#include "engine_parts.h"

void vr_engine_set_times(struct vr_engine *e, struct vr_wall stream, struct vr_wall log)
{
	e->stream = stream;
	e->log = log;
	e->hour = vr_hour_of(log);
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

/* ------------------------------------------------ contents ------------------------------ */

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
	if (c->open)
		vr_minute_link(e, c);
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
	if (!err)
		err = vr_drain_loaded(e, c);
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
	struct vr_content *c = vr_engine_wanted_at(e, i);
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
		VR_ASSERT(vr_engine_wanted_at(e, i)->loaded);
	e->wanted.n = 0;
}
