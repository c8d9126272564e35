/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/range.h"
#include "room.h"
#include <time.h>

#define SLICE_MS 100

struct search {
	struct vr_group *group;
	char topic[VR_TOPIC_MAX];
	struct vr_topic_part part;
	struct vr_mono due;
	int64_t first, end;		/* of the log */
	struct vr_diag *d;
};
struct spot { int64_t offset; struct vr_wall time; };	/* a record; offset = end of the log: none */

static struct vr_mono read_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct vr_mono){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static int64_t left_ms(const struct search *s)
{
	int64_t left = s->due.ms - read_clock().ms;
	return left < 0 ? 0 : left;
}

static enum vr_err fail(const struct search *s, enum vr_err err, const char *what)
{
	return vr_diag_set(s->d, err, s->topic, "partition %d: %s", s->part.partition, what);
}

/* --------------------------------------------------------------------- reading -- */
static enum vr_err go_to(struct search *s, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, s->topic, s->part.partition)->offset = offset;
	rd_kafka_resp_err_t err = rd_kafka_assign(s->group->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return err ? vr_fault_set(s->d, err, s->topic) : VR_OK;
}

static struct vr_wall time_of(const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(m, &type);
	return (struct vr_wall){type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? 0 : ms};
}

/* The next record that comes, or the end. What else comes librdkafka gets over by itself, or time runs out. */
static enum vr_err next_record(struct search *s, struct spot *ret)
{
	for (;;) {
		int64_t left = left_ms(s);
		rd_kafka_message_t *m = rd_kafka_consumer_poll(s->group->rk, (int)(left < SLICE_MS ? left : SLICE_MS));
		rd_kafka_resp_err_t err = m ? m->err : RD_KAFKA_RESP_ERR_NO_ERROR;
		if (m && !err)
			*ret = (struct spot){m->offset, time_of(m)};
		if (m)
			rd_kafka_message_destroy(m);
		if (m && !err)
			return VR_OK;
		if (err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			*ret = (struct spot){.offset = s->end};
			return VR_OK;
		}
		if (err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
			return fail(s, VR_E_AWAY, "records went away while they were looked up");
		if (left == 0)
			return fail(s, VR_E_TIMEOUT, "no record came in time");
	}
}

/* The first record at or after an offset. */
static enum vr_err record_at(struct search *s, int64_t offset, struct spot *ret)
{
	*ret = (struct spot){.offset = s->end};
	if (offset >= s->end)
		return VR_OK;
	enum vr_err err = go_to(s, offset);
	return err ? err : next_record(s, ret);
}

/* The first record at or after an offset whose time is at least t. */
static enum vr_err read_on(struct search *s, int64_t offset, struct vr_wall t, int64_t *ret)
{
	struct spot spot;
	enum vr_err err = record_at(s, offset, &spot);
	while (!err && spot.offset < s->end && spot.time.ms < t.ms)
		err = next_record(s, &spot);
	if (!err)
		*ret = spot.offset < s->end ? spot.offset : s->end;
	return err;
}

/* -------------------------------------------------------------------- searching -- */
/* Where times rise: all records below `low` are earlier than t, none at or above `high` is. */
static enum vr_err bisect(struct search *s, struct vr_wall t, int64_t *ret)
{
	int64_t low = s->first, high = s->end;
	while (low < high) {
		struct spot spot;
		int64_t middle = low + (high - low) / 2;
		enum vr_err err = record_at(s, middle, &spot);
		if (err)
			return err;
		if (spot.offset >= high || spot.time.ms >= t.ms)
			high = middle;
		else
			low = spot.offset + 1;
	}
	struct spot spot;
	enum vr_err err = record_at(s, low, &spot);
	if (!err)
		*ret = spot.offset < s->end ? spot.offset : s->end;
	return err;
}

static enum vr_err look_up(struct search *s, struct vr_wall t, int64_t *ret)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, s->topic, s->part.partition)->offset = t.ms;
	rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(s->group->rk, list, (int)left_ms(s));
	if (!code)
		code = list->elems[0].err;
	*ret = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return code ? vr_fault_set(s->d, code, s->topic) : VR_OK;
}

/* A broker that finds nothing at or after 1970 in a log that has records looks nothing up at all. */
static enum vr_err find_time(struct search *s, struct vr_wall t, int64_t *ret)
{
	int64_t at = -1, any = -1;
	enum vr_err err = look_up(s, t, &at);
	if (!err && at < 0)
		err = look_up(s, (struct vr_wall){0}, &any);
	if (err)
		return err;
	if (at >= 0)
		return read_on(s, at < s->first ? s->first : at, t, ret);
	*ret = s->end;
	return any < 0 && s->first < s->end ? bisect(s, t, ret) : VR_OK;
}

/* ------------------------------------------------------------------- both ends -- */
static enum vr_err place_offset(struct search *s, const struct vr_point *p, int64_t *ret)
{
	switch (p->kind) {
	case VR_POINT_TIME:
		return find_time(s, p->time, ret);
	case VR_POINT_OFFSET:
		*ret = p->offset;
		return VR_OK;
	default:
		*ret = p->kind == VR_POINT_LIVE ? s->end : s->first;
		return VR_OK;
	}
}

/* The first record that is left is late enough: those before it that are gone may have been, too. */
static enum vr_err measure_gap(struct search *s, const struct vr_point *from, struct vr_range *r)
{
	struct spot left;
	if (from->kind == VR_POINT_OFFSET && r->first < s->first)
		r->gap = s->first - r->first;
	if (from->kind != VR_POINT_TIME || s->first == 0)
		return VR_OK;
	enum vr_err err = record_at(s, s->first, &left);
	if (!err && r->first <= left.offset) {
		r->gap = s->first;
		r->gap_at_most = true;
	}
	return err;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

static enum vr_err find_one(struct search *s, const struct vr_point *from, const struct vr_point *to,
	struct vr_range *r)
{
	enum vr_err err = vr_kafka_bounds(s->group, &s->part, (struct vr_span){left_ms(s)}, &s->first, &s->end);
	if (err)
		return fail(s, err, "cannot learn the bounds of the log");
	*r = (struct vr_range){.part = s->part, .log_first = s->first, .log_end = s->end};
	err = place_offset(s, from, &r->first);
	if (!err)
		err = place_offset(s, to, &r->end);
	if (!err)
		err = measure_gap(s, from, r);
	r->first = clamp(r->first, s->first, s->end);
	r->end = clamp(r->end, r->first, s->end);
	return err;
}

enum vr_err vr_range_find(struct vr_group *g, const struct vr_topic_part *parts, size_t n,
	const struct vr_point *from, const struct vr_point *to, struct vr_span timeout, struct vr_range *ret,
	struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		struct search s = {.group = g, .part = parts[i], .due = vr_mono_add(read_clock(), timeout), .d = d};
		if (!vr_topic_z(s.topic, parts[i].topic))
			return vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "not the name of a topic");
		err = find_one(&s, from, to, &ret[i]);
	}
	rd_kafka_assign(g->rk, NULL);
	return err;
}
