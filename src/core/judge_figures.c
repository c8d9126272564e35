/* SPDX-License-Identifier: Apache-2.0 */
/* judge_figures.c - what an expression may ask of a content. */
#include "judge.h"

static bool total_of(const struct vr_look *l, const struct vr_term *t, double *ret)
{
	if (t->channel.n == 0) {
		*ret = (double)vr_tally_total(&l->c->tally, t->action);
		return true;
	}
	const struct vr_channel *ch = vr_channel_find(l->e, t->channel);
	const struct vr_chan *chan = ch ? vr_content_chan(l->c, ch->number) : NULL;
	*ret = chan ? (double)vr_chan_total(chan, t->action) : 0;
	return true;
}

static uint64_t window_value(const struct vr_look *l, const struct vr_term *t)
{
	const struct vr_windows *w = &l->e->config.windows;
	if (t->channel.n == 0)
		return vr_tally_window(&l->c->tally, w, t->action, t->window, l->now);
	const struct vr_channel *ch = vr_channel_find(l->e, t->channel);
	const struct vr_chan *chan = ch ? vr_content_chan(l->c, ch->number) : NULL;
	if (!chan || !chan->share)
		return 0;
	return vr_ring_value_at(&chan->share->ring[t->window], w->width_ms[t->window], l->now.ms);
}

static bool depth_of(const struct vr_look *l, enum vr_metric metric, double *ret)
{
	const struct vr_content *c = l->c;
	if (c->depth_n == 0)
		return false;
	if (metric == VR_METRIC_MAX_DEPTH)
		*ret = c->depth_max;
	else
		*ret = (double)(metric == VR_METRIC_MEAN_DEPTH ? c->depth_sum : c->depth_roots) / (double)c->depth_n;
	return true;
}

bool vr_look_figure(const void *entity, const struct vr_term *t, double *ret)
{
	const struct vr_look *l = entity;
	struct vr_term shortest = {.metric = VR_METRIC_WINDOW, .action = VR_ACTION_SHARE};
	switch (t->metric) {
	case VR_METRIC_TOTAL:
		return total_of(l, t, ret);
	case VR_METRIC_WINDOW:
		*ret = (double)window_value(l, t);
		return true;
	case VR_METRIC_UNIQUE_SHARERS:
		*ret = (double)vr_content_uniques(l->c);
		return *ret > 0;
	case VR_METRIC_SHARE_VELOCITY:
		*ret = vr_velocity(&l->e->config.windows, window_value(l, &shortest));
		return true;
	case VR_METRIC_MEAN_DEPTH:
	case VR_METRIC_MAX_DEPTH:
	case VR_METRIC_ROOT_SHARE_FRACTION:
		return depth_of(l, t->metric, ret);
	}
	return false;
}
