/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - an engine that holds some contents of one side as they are stored. */
#include "parts.h"

struct vr_wall vr_diff_moment(const struct vr_diff_part *p) { return vr_wall_max(p->stream[VR_DIFF_LIVE], p->stream[VR_DIFF_SHADOW]); }

enum vr_err vr_diff_engine(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_reply *slots, struct vr_wall stream,
	struct vr_engine **ret)
{
	const struct vr_config *c = f->config.config;
	struct vr_engine_config config = {
		.topic = p->topic, .partition = p->partition, .windows = c->windows, .dedup_window = c->dedup_window,
		.retention = c->retention, .channels_max = (uint32_t)c->channels_max, .views_min_events = 1, .ts_min_events = UINT32_MAX,
		.board_size = 1};
	struct vr_engine *e;
	enum vr_err err = vr_engine_new(&config, &f->mem, &e);
	if (err)
		return err;
	vr_engine_set_times(e, stream, (struct vr_wall){0});
	for (size_t i = 0; i + 1 < slots->n && !err; i += 2) {
		bool rules = vr_str_eq(slots->elem[i].str, VR_STR("_rules"));
		err = vr_engine_restore(e, rules ? VR_SLOT_RULES : VR_SLOT_PARTIAL, rules ? VR_STR("") : slots->elem[i].str, slots->elem[i + 1].str);
	}
	if (err)
		vr_engine_free(e);
	else
		*ret = e;
	return err;
}

enum vr_err vr_diff_load(struct vr_engine *e, const struct vr_diff_state *state, size_t n, int side, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	bool known, more;
	for (size_t i = 0; i < n && !err; i++)
		err = vr_engine_want(e, state[i].id, &known);
	for (size_t i = 0; i < n && !err; i++) {
		struct vr_loaded l = {.has_state = true, .state = state[i].state[side], .uniques = state[i].uniques[side],
			.channels = state[i].channels[side]};
		err = vr_engine_load(e, i, &l, &more);
		if (err == VR_E_CORRUPT || (!err && more))
			err = vr_diag_set(d, VR_E_CORRUPT, side == VR_DIFF_LIVE ? "live" : "shadow", "the state of content %.*s cannot be read",
				(int)state[i].id.n, state[i].id.p);
	}
	if (!err)
		vr_engine_loaded_all(e);
	return err;
}
