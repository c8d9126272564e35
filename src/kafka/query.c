/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - questions to the brokers, and the commit that nobody waits for. */
#include "room.h"

static enum vr_err fail_name(struct vr_diag *d)
{
	return vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "not the name of a topic");
}

/* A list of the one partition; gives it, or NULL. */
static rd_kafka_topic_partition_list_t *list_one(const struct vr_topic_part *tp, int64_t offset)
{
	char topic[VR_TOPIC_MAX];
	if (!vr_topic_z(topic, tp->topic))
		return NULL;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, tp->partition)->offset = offset;
	return list;
}

/* The answer in a list of one; frees it. */
static enum vr_err read_one(rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t err,
	int64_t *ret_offset)
{
	if (!err)
		err = list->elems[0].err;
	int64_t offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	if (err)
		return vr_fault_of(err);
	*ret_offset = offset;
	return VR_OK;
}

enum vr_err vr_kafka_bounds(struct vr_group *g, const struct vr_topic_part *tp, struct vr_span timeout,
	int64_t *ret_first, int64_t *ret_end)
{
	char topic[VR_TOPIC_MAX];
	int64_t first, end;
	if (!vr_topic_z(topic, tp->topic))
		return VR_E_CONFIG;
	rd_kafka_resp_err_t err =
		rd_kafka_query_watermark_offsets(g->rk, topic, tp->partition, &first, &end, vr_span_int(timeout));
	if (err)
		return vr_fault_of(err);
	*ret_first = first;
	*ret_end = end;
	return VR_OK;
}

enum vr_err vr_kafka_committed(struct vr_group *g, const struct vr_topic_part *tp, struct vr_span timeout,
	int64_t *ret_offset)
{
	rd_kafka_topic_partition_list_t *list = list_one(tp, RD_KAFKA_OFFSET_INVALID);
	int64_t offset = -1;
	if (!list)
		return VR_E_CONFIG;
	enum vr_err err = read_one(list, rd_kafka_committed(g->rk, list, vr_span_int(timeout)), &offset);
	if (!err)
		*ret_offset = offset < 0 ? -1 : offset;
	return err;
}

enum vr_err vr_kafka_offset_at(struct vr_group *g, const struct vr_topic_part *tp, struct vr_wall t,
	struct vr_span timeout, int64_t *ret_offset)
{
	rd_kafka_topic_partition_list_t *list = list_one(tp, t.ms < 0 ? 0 : t.ms);
	int64_t offset = -1, first;
	if (!list)
		return VR_E_CONFIG;
	enum vr_err err = read_one(list, rd_kafka_offsets_for_times(g->rk, list, vr_span_int(timeout)), &offset);
	/* No record is that late: the end. */
	if (!err && offset < 0)
		err = vr_kafka_bounds(g, tp, timeout, &first, &offset);
	if (!err)
		*ret_offset = offset;
	return err;
}

static enum vr_err read_partitions(const struct rd_kafka_metadata *md, const char *topic, int32_t *ret_n,
	struct vr_diag *d)
{
	if (md->topic_cnt != 1)
		return vr_diag_set(d, VR_E_CONFIG, topic, "there is no such topic");
	if (md->topics[0].err)
		return vr_fault_set(d, md->topics[0].err, topic);
	if (md->topics[0].partition_cnt <= 0)
		return vr_diag_set(d, VR_E_AWAY, topic, "the topic has no partitions yet");
	*ret_n = md->topics[0].partition_cnt;
	return VR_OK;
}

enum vr_err vr_kafka_partitions(struct vr_group *g, struct vr_str topic, struct vr_span timeout,
	int32_t *ret_n,
	struct vr_diag *d)
{
	char name[VR_TOPIC_MAX];
	const struct rd_kafka_metadata *md;
	if (!vr_topic_z(name, topic))
		return fail_name(d);
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(g->rk, name, NULL);
	if (!rkt)
		return vr_fault_set(d, rd_kafka_last_error(), name);
	rd_kafka_resp_err_t code = rd_kafka_metadata(g->rk, 0, rkt, &md, vr_span_int(timeout));
	enum vr_err err = code ? vr_fault_set(d, code, name) : read_partitions(md, name, ret_n, d);
	if (!code)
		rd_kafka_metadata_destroy(md);
	rd_kafka_topic_destroy(rkt);
	return err;
}

/* rd_kafka_clusterid asks nobody, it waits until a broker has been heard; alone that takes librdkafka's timer of a second. */
enum vr_err vr_kafka_cluster_id(struct vr_group *g, struct vr_span timeout, char *out, size_t n)
{
	const struct rd_kafka_metadata *md;
	if (rd_kafka_metadata(g->rk, 0, NULL, &md, vr_span_int(timeout)) == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(md);
	char *id = rd_kafka_clusterid(g->rk, vr_span_int(timeout));
	if (!id)
		return VR_E_TIMEOUT;
	size_t have = strlen(id);
	enum vr_err err = have < n ? VR_OK : VR_E_SIZE;
	if (!err)
		memcpy(out, id, have + 1);
	rd_kafka_mem_free(g->rk, id);
	return err;
}

/* ------------------------------------------------------------------ cleanup policy -- */
static const char *find_value(const rd_kafka_ConfigResource_t *res, const char *name)
{
	size_t n;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(res, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
			return rd_kafka_ConfigEntry_value(entries[i]);
	return NULL;
}

static bool is_unsaid(rd_kafka_resp_err_t err)
{
	enum vr_err is = vr_fault_of(err);
	return is == VR_E_AUTH || is == VR_E_UNSUPPORTED;
}

static enum vr_err judge_policy(rd_kafka_event_t *ev, const char *topic, bool *ret_known, struct vr_diag *d)
{
	size_t n = 0;
	rd_kafka_resp_err_t err = rd_kafka_event_error(ev);
	const rd_kafka_ConfigResource_t **res = NULL;
	if (!err)
		res = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(ev), &n);
	if (!err && n > 0)
		err = rd_kafka_ConfigResource_error(res[0]);
	if (err && !is_unsaid(err))
		return vr_fault_set(d, err, topic);
	const char *policy = !err && n > 0 ? find_value(res[0], "cleanup.policy") : NULL;
	*ret_known = policy != NULL;
	if (policy && strstr(policy, "compact"))
		return vr_diag_set(d, VR_E_COMPACTED, topic,
			"cleanup.policy is %s: compaction removes records that must be counted; "
			"use a topic with cleanup.policy=delete", policy);
	return VR_OK;
}

/* The mock cluster knows no settings and lets such a question time out. It names itself. */
static bool is_mock(struct vr_group *g, struct vr_span timeout)
{
	char id[32] = "";
	return vr_kafka_cluster_id(g, timeout, id, sizeof(id)) == VR_OK && strncmp(id, "mockCluster", 11) == 0;
}

static enum vr_err ask_policy(struct vr_group *g, const char *name, struct vr_span timeout, bool *ret_known,
	struct vr_diag *d)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(g->rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(g->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_ConfigResource_t *res = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
	/* librdkafka refuses only times that no caller means; then its own of a minute holds. */
	(void)rd_kafka_AdminOptions_set_request_timeout(options, vr_span_int(timeout), NULL, 0);
	rd_kafka_DescribeConfigs(g->rk, &res, 1, options, queue);
	rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, vr_span_int(timeout) + 1000);
	enum vr_err err = ev ? judge_policy(ev, name, ret_known, d)
			     : vr_diag_set(d, VR_E_TIMEOUT, name, "the brokers do not say the topic's settings");
	if (ev)
		rd_kafka_event_destroy(ev);
	rd_kafka_ConfigResource_destroy(res);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return err;
}

enum vr_err vr_kafka_topic_check(struct vr_group *g, struct vr_str topic, struct vr_span timeout,
	bool *ret_known,
	struct vr_diag *d)
{
	char name[VR_TOPIC_MAX];
	if (!vr_topic_z(name, topic))
		return fail_name(d);
	if (!is_mock(g, timeout))
		return ask_policy(g, name, timeout, ret_known, d);
	*ret_known = false;
	return VR_OK;
}

/* ------------------------------------------------------------------------- commits -- */
void vr_kafka_commit(struct vr_group *g, const struct vr_topic_part *tp, int64_t next_offset)
{
	rd_kafka_topic_partition_list_t *list = list_one(tp, next_offset);
	if (!list || rd_kafka_commit(g->rk, list, 1))
		atomic_fetch_add(&g->commit_failures, 1);
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
}

uint64_t vr_kafka_commit_failures(const struct vr_group *g)
{
	return atomic_load(&g->commit_failures);
}
