/* SPDX-License-Identifier: Apache-2.0 */
/* sim_log.c - a partition's log and how a feed reads it. */
#include "sim.h"

static size_t index_of(const struct sim_log *log, int64_t offset)
{
	size_t i = log->from;
	while (i < log->n && log->at[i]->offset < offset)
		i++;
	return i;
}

static struct vr_feed_item item_of(const struct sim_record *r)
{
	return (struct vr_feed_item){.what = VR_FEED_RECORD,
		.offset = r->offset,
		.time = r->time,
		.key = r->key,
		.value = r->value,
		.has_key = r->has_key,
		.has_value = r->has_value,
		.message = r};
}

size_t sim_feed_take(struct sim_slot *slot, const struct sim_log *log, size_t max, struct vr_feed_item *out)
{
	size_t n = 0;
	if (slot->range_told)
		return 0;
	if (slot->pos < log->first || slot->pos > log->end) {
		slot->range_told = true;
		out[0] = (struct vr_feed_item){.what = VR_FEED_RANGE, .offset = slot->pos};
		return 1;
	}
	for (size_t i = index_of(log, slot->pos); i < log->n && n < max; i++) {
		out[n++] = item_of(log->at[i]);
		slot->pos = log->at[i]->offset + 1;
		slot->end_told = false;
	}
	if (n < max && !slot->end_told) {
		slot->end_told = true;
		slot->pos = log->end;
		out[n++] = (struct vr_feed_item){.what = VR_FEED_END, .offset = log->end};
	}
	return n;
}

void sim_log_retain(struct sim_log *log, int64_t first)
{
	log->first = first;
	log->from = index_of(log, first);
}

void sim_log_renew(struct sim *s, int part, size_t keep)
{
	const struct sim_log *old = sim_log_of(s, part);
	VR_ASSERT(s->version[part] + 1 < SIM_VERSIONS && keep <= old->n);
	struct sim_log *log = &s->log[part][++s->version[part]];
	*log = (struct sim_log){.n = keep};
	memcpy(log->at, old->at, keep * sizeof(log->at[0]));
	log->end = keep ? log->at[keep - 1]->offset + 1 : 0;
	if (keep > 0 && old->from < keep) {
		log->from = old->from;
		log->first = old->first;
	} else if (keep > 0) {
		log->from = log->n = 0;
		log->end = 0;
	}
}
