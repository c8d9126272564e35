/* SPDX-License-Identifier: Apache-2.0 */
/* seam.c - is it still the same log? The first record read again must be the one whose fingerprint the owner record holds. */
#include "parts.h"
#include "virality/hash.h"

uint64_t vr_record_hash(const struct vr_feed_item *item)
{
	uint64_t part[3] = {vr_hash64(item->key), vr_hash64(item->value), (uint64_t)(item->has_key * 2 + item->has_value)};
	return vr_hash64((struct vr_str){(const char *)part, sizeof(part)});
}

bool vr_shard_reaches_said(const struct vr_shard *s, int64_t before)
{
	return before < s->said.off && s->record.off >= s->said.off;
}

static enum vr_err log_changed(struct vr_shard *s, int64_t found, struct vr_diag *d)
{
	if (s->config.on_truncation == VR_POLICY_GO_ON) {
		s->anew = true;
		return vr_diag_set(d, VR_E_FENCED, "kafka", "the topic was truncated or re-created; folding it anew");
	}
	return vr_diag_set(d, VR_E_TRUNCATED, "kafka", "offset %lld of %.*s:%d holds another record than the one that was counted (found at %lld): "
		"the topic was truncated or re-created. %s",
		(long long)s->record.last.off, (int)s->part.topic.n, s->part.topic.p, s->part.partition, (long long)found,
		vr_shard_way_out(s, "Fold anew with", "from-log-start").text);
}

/* Records between `off` and the first that Kafka still has: said aloud, and the operator's setting decides. */
static enum vr_err meet_gap(struct vr_shard *s, int64_t first, struct vr_diag *d)
{
	vr_shard_note(s, VR_NOTE_GAP, VR_E_GAP, first - s->record.off, "");
	if (s->config.on_gap == VR_POLICY_STOP)
		return vr_diag_set(d, VR_E_GAP, "kafka", "%lld records of %.*s:%d from offset %lld are gone (retention?). %s",
			(long long)(first - s->record.off), (int)s->part.topic.n, s->part.topic.p, s->part.partition, (long long)s->record.off,
			vr_shard_way_out(s, "Go on without them with", "gap").text);
	int64_t before = s->record.off;
	s->record.off = first;
	s->record.last.known = false;
	return vr_shard_reaches_said(s, before) ? vr_shard_reconcile(s, d) : VR_OK;
}

/* The fingerprint's record did not come: fine only where the log's start tells that it was deleted. */
static enum vr_err seam_missing(struct vr_shard *s, int64_t found, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	if (first <= s->record.last.off || end < s->record.off)
		return log_changed(s, found, d);
	s->seam = false;
	return first > s->record.off ? meet_gap(s, first, d) : VR_OK;
}

enum vr_err vr_seam_meet(struct vr_shard *s, const struct vr_feed_item *item, bool *ret_skip, struct vr_diag *d)
{
	*ret_skip = false;
	if (!s->seam)
		return VR_OK;
	if (item->offset != s->record.last.off)
		return seam_missing(s, item->offset, d);
	if (item->time.ms != s->record.last.time_ms || vr_record_hash(item) != s->record.last.hash)
		return log_changed(s, item->offset, d);
	s->seam = false;
	*ret_skip = true;
	return VR_OK;
}

enum vr_err vr_seam_range(struct vr_shard *s, const struct vr_feed_item *item, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	if (item->offset > end || s->record.off > end)
		return log_changed(s, end, d);
	if (first > s->record.off)
		err = meet_gap(s, first, d);
	if (err)
		return err;
	/* Going on means reading from another offset, without the record that told the log by: stored, for the caller acquires
	 * again and starts at what is stored. What cannot be stored now is met again. */
	s->seam = s->record.last.known = false;
	s->boards_due = true;
	err = vr_shard_cut(s, d);
	return err && err != VR_E_DLQ ? err : vr_diag_set(d, VR_E_FENCED, "kafka", "offset %lld is out of range, going on at %lld",
		(long long)item->offset, (long long)s->record.off);
}

enum vr_err vr_seam_end(struct vr_shard *s, const struct vr_feed_item *item, struct vr_diag *d)
{
	if (!s->seam)
		return VR_OK;
	return item->offset <= s->record.last.off ? log_changed(s, item->offset, d) : seam_missing(s, item->offset, d);
}
