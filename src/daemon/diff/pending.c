/* SPDX-License-Identifier: Apache-2.0 */
/* pending.c - alerts that wait for their `for`: no stream has them, only the states of contents.
 *
 * Both sides are brought to the same moment, for time alone makes an alert fire, or end, that was pending before.  */
#include <stdlib.h>

#include "parts.h"

struct found { struct vr_diff *f; int32_t part; struct vr_diff_alerts list; enum vr_err err; };

static void take(void *ctx, const struct vr_alert *a)
{
	struct found *x = ctx;
	struct vr_diff_alert row = {.part = x->part, .offset = a->offset, .time_ms = a->starts.ms};
	if (a->state != VR_ALERT_PENDING || x->err)
		return;
	vr_str_copy(row.id, sizeof(row.id), vr_str_c(a->id));
	vr_str_copy(row.state, sizeof(row.state), VR_STR("pending"));
	vr_str_copy(row.alertname, sizeof(row.alertname), a->alertname);
	vr_str_copy(row.content, sizeof(row.content), a->content_id);
	x->err = vr_diff_alerts_add(&x->list, &row);
}

/* Live may have taken up another set since the list was read. */
static enum vr_err find_rules(struct vr_diff *f, int side, uint32_t wanted, const struct vr_rules **ret, uint32_t *ret_no, struct vr_diag *d)
{
	bool given = side == VR_DIFF_SHADOW && f->generation.rules == VR_GENERATION_RULES_GIVEN;
	enum vr_err err = VR_OK;
	*ret = wanted ? vr_rulebook_get(f->book[side], wanted, ret_no) : NULL;
	if (*ret || !wanted || given)
		return VR_OK;
	err = vr_rulebook_refresh(f->book[side], &f->config.redis, d);
	*ret = err ? NULL : vr_rulebook_get(f->book[side], wanted, ret_no);
	return err;
}

static enum vr_err find(struct found *x, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n, int side,
	const struct vr_reply *slots, struct vr_diag *d)
{
	struct vr_diff *f = x->f;
	uint32_t no = 0;
	const struct vr_rules *rules;
	struct vr_engine *e;
	enum vr_err err = find_rules(f, side, p->rules[side], &rules, &no, d);
	if (err || !rules)
		return err;
	err = vr_diff_engine(f, p, slots, p->stream[side], &e);
	if (err)
		return err;
	err = vr_engine_rules_resume(e, rules, no);
	if (!err)
		err = vr_diff_load(e, state, n, side, d);
	if (!err)
		err = vr_engine_pass(e, vr_diff_moment(p));
	if (!err)
		err = vr_engine_active(e, take, x);
	vr_engine_free(e);
	return err ? err : x->err;
}

static enum vr_err compare(struct vr_diff *f, struct vr_diff_alerts side[VR_DIFF_SIDES])
{
	enum vr_err err = VR_OK;
	size_t i = 0, k = 0;
	while ((i < side[0].n || k < side[1].n) && !err) {
		int order = i == side[0].n ? 1 : k == side[1].n ? -1 : vr_diff_alert_order(&side[0].at[i], &side[1].at[k]);
		f->counts.alerts++;
		if (order != 0)
			err = vr_diff_alert_keep(f, order < 0 ? &side[0].at[i] : &side[1].at[k], order > 0);
		i += order <= 0;
		k += order >= 0;
	}
	return err;
}

enum vr_err vr_diff_pending(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	const struct vr_reply *const slots[VR_DIFF_SIDES], struct vr_diag *d)
{
	struct found x[VR_DIFF_SIDES];
	enum vr_err err = VR_OK;
	for (int i = 0; i < VR_DIFF_SIDES; i++)
		x[i] = (struct found){.f = f, .part = (int32_t)(p - f->part)};
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++) {
		err = find(&x[i], p, state, n, i, slots[i], d);
		if (x[i].list.n)
			qsort(x[i].list.at, x[i].list.n, sizeof(x[i].list.at[0]), vr_diff_alert_order);
	}
	struct vr_diff_alerts side[VR_DIFF_SIDES] = {x[0].list, x[1].list};
	if (!err)
		err = compare(f, side);
	free(x[0].list.at);
	free(x[1].list.at);
	return err;
}
