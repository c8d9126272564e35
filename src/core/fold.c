/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c - one record, in the order that the contract fixes (deploy/redis/CONTRACT.md, "Order for one record"). */
#include "engine_parts.h"

/* ------------------------------------------------ 1. log time, forgetting ---------------- */

static bool is_old(const struct vr_content *c, int64_t below) { return c->records > 0 && c->hour < below; }

/* In order of id, for an open alert of a forgotten content is resolved aloud. */
static enum vr_err end_old(struct vr_engine *e, int64_t below, int64_t at_offset)
{
	struct vr_list list = {0};
	enum vr_err err = vr_alerting(e, &list);
	for (size_t i = 0; i < list.n && !err; i++) {
		struct vr_content *c = ((struct vr_content **)list.at)[i];
		if (is_old(c, below))
			err = vr_judge_end(e, c, VR_REASON_FORGOTTEN, at_offset);
	}
	vr_list_done(&list, &e->pool_mem, sizeof(struct vr_content *));
	return err;
}

static enum vr_err forget(struct vr_engine *e, int64_t below, int64_t at_offset)
{
	enum vr_err err = end_old(e, below, at_offset);
	if (err)
		return err;
	for (struct vr_content *c = e->first; c; c = c->next)
		if (is_old(c, below))
			vr_engine_absent(e, c);
	return VR_OK;
}

static enum vr_err raise_log_time(struct vr_engine *e, struct vr_wall t, int64_t at_offset)
{
	if (t.ms <= e->log.ms)
		return VR_OK;
	e->log = t;
	if (vr_bucket_has(e->hour, VR_HOUR_MS, t.ms))
		return VR_OK;
	e->hour = vr_hour_of(t);
	return forget(e, vr_engine_forget_below(e), at_offset);
}

/* ------------------------------------------------ 2. the event's time ------------------- */

static enum vr_err time_of(const struct vr_record *r, struct vr_wall log, struct vr_span max_ahead, struct vr_wall *ret, bool *ret_ahead)
{
	struct vr_wall t = r->event->event_time;
	if (t.ms <= 0)
		t = r->kafka_time;
	if (t.ms <= 0)
		t = log;
	if (t.ms <= 0)
		return VR_E_NO_TIME;
	*ret_ahead = log.ms > 0 && t.ms > log.ms;
	if (*ret_ahead && t.ms > log.ms + max_ahead.ms)
		return VR_E_TIME_AHEAD;
	*ret = *ret_ahead ? log : t;
	return VR_OK;
}

enum vr_err vr_engine_admits(const struct vr_engine *e, const struct vr_record *r, struct vr_wall *log)
{
	struct vr_wall t;
	bool ahead;
	*log = vr_wall_max(vr_wall_max(*log, e->log), r->kafka_time);
	return r->event ? time_of(r, *log, e->config.max_ahead, &t, &ahead) : VR_OK;
}

/* ------------------------------------------------ 3. duplicates ------------------------- */

static bool is_deduplicated(const struct vr_event *ev)
{
	return ev->event_id.n > 0 && (ev->action == VR_ACTION_SHARE || ev->action == VR_ACTION_UNSHARE);
}

static struct vr_hash128 identity_of(struct vr_engine *e, const struct vr_event *ev)
{
	struct vr_buf *b = vr_engine_buf(e, &e->fields);
	vr_buf_str_add(b, ev->content_id);
	vr_buf_byte(b, 0);
	vr_buf_str_add(b, ev->event_id);
	vr_buf_byte(b, 0);
	vr_buf_byte(b, (unsigned char)ev->action);
	return vr_hash128(vr_buf_str(b));
}

/* ------------------------------------------------ 4. and 5. stream time, timers ---------- */

static enum vr_err raise_stream_time(struct vr_engine *e, struct vr_wall t, int64_t at_offset)
{
	if (t.ms <= e->stream.ms)
		return VR_OK;
	int64_t before = vr_bucket_of(e->stream.ms, VR_MINUTE_MS);
	enum vr_err err = vr_timers_until(e, t, at_offset);
	e->stream = t;
	vr_dedup_advance(e->dedup, t);
	if (!err && vr_bucket_of(t.ms, VR_MINUTE_MS) > before)
		vr_minutes_leave(e);
	return err;
}

enum vr_err vr_engine_pass(struct vr_engine *e, struct vr_wall until) { return raise_stream_time(e, until, INT64_MAX); }

/* ------------------------------------------------ the record ---------------------------- */

static enum vr_err note(struct vr_engine *e, struct vr_hash128 id, struct vr_wall t, struct vr_outcome *ret)
{
	ret->dedup_unchecked = t.ms < e->stream.ms - e->config.dedup_window.ms;
	return vr_dedup_add(e->dedup, id, t, e->stream);
}

static void stamp(struct vr_engine *e, struct vr_content *c, struct vr_wall t, int64_t offset)
{
	if (c->records == 0) {
		c->first = c->last = t;
		c->first_off = offset;
	}
	c->first_dirty |= c->records == 0 || t.ms < c->first.ms;
	c->first = vr_wall_min(c->first, t);
	c->last = vr_wall_max(c->last, t);
	c->last_off = offset;
	c->hour = (int32_t)e->hour;
	vr_engine_touch(e, c);
}

static enum vr_err accept(struct vr_engine *e, struct vr_content *c, const struct vr_record *r, struct vr_wall t,
	struct vr_outcome *ret)
{
	uint16_t channel = (uint16_t)r->channel;
	enum vr_err err = raise_stream_time(e, t, r->offset);
	if (!err)
		err = vr_judge_before(e, c);
	if (!err && (!r->content || r->channel < 0))
		err = vr_channel_number(e, r->event->channel, &channel);
	if (err)
		return err;
	stamp(e, c, t, r->offset);
	bool still = e->stream.ms < c->still;
	err = vr_count(e, c, r->event, t, channel, ret);
	if (!err)
		err = vr_judge(e, c, r->event->action, still, r->offset);
	ret->miskeyed = c->home == VR_HOME_ELSEWHERE;
	ret->fate = VR_FATE_FOLDED;
	return err;
}

static enum vr_err fold_event(struct vr_engine *e, const struct vr_record *r, struct vr_outcome *ret)
{
	const struct vr_event *ev = r->event;
	struct vr_wall t;
	struct vr_content *c = r->content ? r->content : vr_engine_find(e, ev->content_id, vr_hash64(ev->content_id));
	VR_ASSERT(c && c->loaded);
	ret->refused = time_of(r, e->log, e->config.max_ahead, &t, &ret->clock_ahead);
	if (ret->refused) {
		ret->fate = VR_FATE_REFUSED;
		vr_engine_spare(e, c);
		return VR_OK;
	}
	struct vr_hash128 id = {0};
	if (is_deduplicated(ev)) {
		id = identity_of(e, ev);
		if (vr_dedup_has(e->dedup, id, e->stream)) {
			ret->fate = VR_FATE_DUPLICATE;
			vr_engine_spare(e, c);
			return VR_OK;
		}
	}
	enum vr_err err = accept(e, c, r, t, ret);
	return !err && is_deduplicated(ev) ? note(e, id, t, ret) : err;
}

enum vr_err vr_engine_fold(struct vr_engine *e, const struct vr_record *r, struct vr_outcome *ret)
{
	*ret = (struct vr_outcome){.fate = VR_FATE_PASSED};
	enum vr_err err = raise_log_time(e, r->kafka_time, r->offset);
	if (!err && r->event)
		err = fold_event(e, r, ret);
	else if (r->refused) {
		ret->fate = VR_FATE_REFUSED;
		ret->refused = r->refused;
	}
	e->broken |= err != VR_OK;
	return err;
}
