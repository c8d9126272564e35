/* SPDX-License-Identifier: Apache-2.0 */
/* assign.c - partitions come and go.
 *
 * librdkafka asks (rebalance callback) and waits for an assign call, which need not come from inside the
 * callback: heartbeats go on, and a rebalance that begins meanwhile is held back until the answer. So
 * the answer is given when the last offered partition has one, from whichever thread says it.
 *
 * Eager protocol: all partitions at once, rd_kafka_assign. Cooperative: the difference,
 * rd_kafka_incremental_*.
 * Either protocol refuses the other's calls. A declined partition is left out of what is assigned. */
#include "room.h"
#include <stdlib.h>

static rd_kafka_resp_err_t code_of(rd_kafka_error_t *error)
{
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	if (error)
		rd_kafka_error_destroy(error);
	return err;
}

static void list_part(rd_kafka_topic_partition_list_t *list, const struct vr_part *part, int64_t offset)
{
	rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = offset;
}

/* Lock held. */
static void answer(struct vr_group *g)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->n_parts);
	for (size_t i = 0; i < g->n_parts; i++) {
		if (g->parts[i].state != VR_PART_FRESH)
			continue;
		list_part(list, &g->parts[i], g->parts[i].offset);
		g->parts[i].state = VR_PART_READ;
	}
	rd_kafka_resp_err_t err = g->is_cooperative ? code_of(rd_kafka_incremental_assign(g->rk, list))
						    : rd_kafka_assign(g->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	g->owes = false;
	if (err)
		g->refused = err;
}

static void answer_when_whole(struct vr_group *g)
{
	if (g->owes && g->n_open == 0)
		answer(g);
}

void vr_group_start(struct vr_group *g, const struct vr_topic_part *tp, int64_t offset)
{
	char topic[VR_TOPIC_MAX];
	pthread_mutex_lock(&g->lock);
	struct vr_part *part = vr_topic_z(topic, tp->topic) ? vr_part_find(g, topic, tp->partition) : NULL;
	if (part && part->state == VR_PART_OFFERED) {
		VR_ASSERT(offset < 0 || part->feed);
		part->state = offset < 0 ? VR_PART_DECLINED : VR_PART_FRESH;
		part->offset = offset;
		if (offset >= 0)
			atomic_store(&part->feed->next, offset);
		g->n_open--;
		answer_when_whole(g);
	}
	pthread_mutex_unlock(&g->lock);
}

/* -------------------------------------------------------------------- they come -- */
static struct vr_topic_part *spell(const rd_kafka_topic_partition_list_t *list)
{
	struct vr_topic_part *tps = calloc((size_t)list->cnt + 1, sizeof(*tps));
	VR_ASSERT(tps);
	for (int i = 0; i < list->cnt; i++)
		tps[i] = (struct vr_topic_part){vr_str_c(list->elems[i].topic), list->elems[i].partition};
	return tps;
}

static void offer(struct vr_group *g, const rd_kafka_topic_partition_list_t *list)
{
	pthread_mutex_lock(&g->lock);
	for (int i = 0; i < list->cnt; i++)
		vr_part_add(g, list->elems[i].topic, list->elems[i].partition);
	g->owes = true;
	answer_when_whole(g);
	pthread_mutex_unlock(&g->lock);
	if (list->cnt == 0)
		return;
	struct vr_topic_part *tps = spell(list);
	g->ops.assigned(g->ops.ctx, tps, (size_t)list->cnt);
	free(tps);
}

enum vr_err vr_assign_offer(struct vr_group *g, const struct vr_topic_part *parts, size_t n, struct vr_diag *d)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		char topic[VR_TOPIC_MAX];
		if (vr_topic_z(topic, parts[i].topic))
			rd_kafka_topic_partition_list_add(list, topic, parts[i].partition);
		else
			err = vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "not the name of a topic");
	}
	if (!err)
		offer(g, list);
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

/* ---------------------------------------------------------------------- they go -- */
/* Lock held. */
static rd_kafka_topic_partition_list_t *list_going(struct vr_group *g)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->n_parts);
	for (size_t i = 0; i < g->n_parts; i++)
		if (g->parts[i].state == VR_PART_GOING)
			list_part(list, &g->parts[i], RD_KAFKA_OFFSET_INVALID);
	return list;
}

/* librdkafka refuses to unassign what was never assigned: the declined and the unanswered. */
static void keep_assigned(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *assigned;
	if (rd_kafka_assignment(rk, &assigned))
		return;
	for (int i = list->cnt - 1; i >= 0; i--)
		if (!rd_kafka_topic_partition_list_find(assigned, list->elems[i].topic, list->elems[i].partition))
			rd_kafka_topic_partition_list_del_by_idx(list, i);
	rd_kafka_topic_partition_list_destroy(assigned);
}

static void tell_revoked(struct vr_group *g, const rd_kafka_topic_partition_list_t *going, bool lost)
{
	if (going->cnt == 0)
		return;
	struct vr_topic_part *tps = spell(going);
	g->ops.revoked(g->ops.ctx, tps, (size_t)going->cnt, lost);
	free(tps);
}

/* list NULL: everything. Gives what went. */
static rd_kafka_topic_partition_list_t *withdraw(struct vr_group *g,
	const rd_kafka_topic_partition_list_t *list, bool lost)
{
	pthread_mutex_lock(&g->lock);
	vr_parts_going(g, list);
	rd_kafka_topic_partition_list_t *going = list_going(g);
	pthread_mutex_unlock(&g->lock);
	tell_revoked(g, going, lost);
	pthread_mutex_lock(&g->lock);
	vr_parts_drop(g);
	pthread_mutex_unlock(&g->lock);
	return going;
}

static void revoke(struct vr_group *g, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *going = withdraw(g, g->is_cooperative ? list : NULL,
		rd_kafka_assignment_lost(g->rk));
	rd_kafka_resp_err_t err;
	if (g->is_cooperative) {
		keep_assigned(g->rk, going);
		err = code_of(rd_kafka_incremental_unassign(g->rk, going));
	} else {
		err = rd_kafka_assign(g->rk, NULL);
	}
	rd_kafka_topic_partition_list_destroy(going);
	pthread_mutex_lock(&g->lock);
	g->owes = false;
	if (err)
		g->refused = err;
	pthread_mutex_unlock(&g->lock);
}

void vr_assign_withdraw(struct vr_group *g)
{
	rd_kafka_topic_partition_list_destroy(withdraw(g, NULL, true));
}

void vr_assign_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
	void *opaque)
{
	struct vr_group *g = opaque;
	(void)rk;
	if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		revoke(g, list);
		return;
	}
	/* Under the eager protocol an assignment is all there is. That the one before was not revoked first
	 * happens when it was lost before it was answered. */
	if (!g->is_cooperative)
		vr_assign_withdraw(g);
	offer(g, list);
}

void vr_assign_abandon(struct vr_group *g)
{
	pthread_mutex_lock(&g->lock);
	if (g->owes)
		answer(g);
	pthread_mutex_unlock(&g->lock);
}

/* -------------------------------------------------------------------- once more -- */
static rd_kafka_resp_err_t again_incremental(struct vr_group *g, struct vr_part *part, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	list_part(list, part, offset);
	rd_kafka_resp_err_t err = code_of(rd_kafka_incremental_unassign(g->rk, list));
	if (!err)
		err = code_of(rd_kafka_incremental_assign(g->rk, list));
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

/* The others start again where their feeds are; what a feed takes meanwhile it will not show twice. */
static rd_kafka_resp_err_t again_whole(struct vr_group *g, struct vr_part *part, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->n_parts);
	for (size_t i = 0; i < g->n_parts; i++) {
		struct vr_part *other = &g->parts[i];
		if (other == part)
			list_part(list, other, offset);
		else if (other->state == VR_PART_READ && other->feed && !atomic_load(&other->feed->stopped))
			list_part(list, other, atomic_load(&other->feed->next));
	}
	rd_kafka_resp_err_t err = rd_kafka_assign(g->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

rd_kafka_resp_err_t vr_assign_again(struct vr_group *g, struct vr_part *part, int64_t offset)
{
	return g->is_cooperative ? again_incremental(g, part, offset) : again_whole(g, part, offset);
}
