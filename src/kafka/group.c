/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ASK_MS 10000	/* for the topics' partitions when joining */
#define LEAVE_MS 8000
#define DESTROY_MS 2000
#define SLICE_MS 100
#define QUEUE_KBYTES_MIN 64
#define QUEUE_KBYTES_MAX 2097151	/* librdkafka's own limit */

/* ------------------------------------------------------------ what librdkafka says -- */
static void tell(struct vr_group *g, enum vr_err err, bool fatal, const char *text)
{
	if (g->ops.error)
		g->ops.error(g->ops.ctx, err, fatal, text);
}

static void tell_fatal(struct vr_group *g)
{
	char text[512];
	rd_kafka_resp_err_t err = rd_kafka_fatal_error(g->rk, text, sizeof(text));
	tell(g, err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? VR_E_CONFIG : VR_E_BUG, true, text);
}

/* A fatal error comes to a consumer as a message, other errors of the instance by callback. */
static void tell_code(struct vr_group *g, rd_kafka_resp_err_t err, const char *text)
{
	if (err == RD_KAFKA_RESP_ERR__FATAL)
		tell_fatal(g);
	else
		tell(g, vr_fault_of(err), false, text);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	(void)rk;
	tell_code(opaque, (rd_kafka_resp_err_t)code, reason);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
	void *opaque)
{
	struct vr_group *g = opaque;
	(void)rk, (void)list;
	if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
		atomic_fetch_add(&g->commit_failures, 1);
}

/* ------------------------------------------------------------------ its life cycle -- */
static rd_kafka_topic_partition_list_t *list_topics(const struct vr_kafka_config *c)
{
	char topic[VR_TOPIC_MAX];
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)c->n_topics);
	for (size_t i = 0; i < c->n_topics; i++) {
		/* A leading ^ would make it a pattern. */
		if (!vr_topic_z(topic, c->topics[i]) || topic[0] == '^') {
			rd_kafka_topic_partition_list_destroy(list);
			return NULL;
		}
		rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
	}
	return list;
}

static bool has_word(const rd_kafka_conf_t *conf, const char *property, const char *word)
{
	char value[256] = "";
	size_t size = sizeof(value);
	return rd_kafka_conf_get(conf, property, value, &size) == RD_KAFKA_CONF_OK && strstr(value, word);
}

/* Strategies of both protocols do not mix, so the settings tell. Not asked of the instance: in a callback that comes
 * while the group is left, rd_kafka_rebalance_protocol of 2.0.2 yields NULL, or waits for ever. */
static bool is_cooperative(const rd_kafka_conf_t *conf)
{
	return has_word(conf, "partition.assignment.strategy", "cooperative") || has_word(conf, "group.protocol", "consumer");
}

static enum vr_err open_instance(struct vr_group *g, rd_kafka_conf_t *conf, struct vr_diag *d)
{
	g->is_cooperative = is_cooperative(conf);
	rd_kafka_conf_set_rebalance_cb(conf, vr_assign_rebalance);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
	enum vr_err err = vr_kafka_open(conf, VR_KAFKA_CONSUMER, g, &g->rk, d);
	if (!err)
		rd_kafka_poll_set_consumer(g->rk);
	return err;
}

static void free_group(struct vr_group *g)
{
	if (g->topics)
		rd_kafka_topic_partition_list_destroy(g->topics);
	pthread_mutex_destroy(&g->lock);
	free(g->parts);
	free(g);
}

enum vr_err vr_group_open(rd_kafka_conf_t *conf, const struct vr_kafka_config *c,
	const struct vr_group_ops *ops,
	struct vr_group **ret, struct vr_diag *d)
{
	struct vr_group *g = calloc(1, sizeof(*g));
	if (!g) {
		rd_kafka_conf_destroy(conf);
		return VR_E_NOMEM;
	}
	g->log = c->log;
	g->ops = *ops;
	g->budget_bytes = c->queue_budget_bytes;
	pthread_mutex_init(&g->lock, NULL);
	g->topics = list_topics(c);
	enum vr_err err = VR_OK;
	if (!g->topics) {
		rd_kafka_conf_destroy(conf);
		err = vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "not the name of a topic");
	} else {
		err = open_instance(g, conf, d);
	}
	if (err) {
		free_group(g);
		return err;
	}
	*ret = g;
	return VR_OK;
}

enum vr_err vr_group_new(const struct vr_kafka_config *c, const struct vr_group_ops *ops,
	struct vr_group **ret,
	struct vr_diag *d)
{
	rd_kafka_conf_t *conf;
	enum vr_err err = vr_kafka_conf(c, VR_KAFKA_CONSUMER, &conf, d);
	return err ? err : vr_group_open(conf, c, ops, ret, d);
}

/* ------------------------------------------------------------------------- joining -- */
static enum vr_err count_partitions(struct vr_group *g, size_t *ret_n, struct vr_diag *d)
{
	size_t n = 0;
	for (int i = 0; i < g->topics->cnt; i++) {
		int32_t more;
		struct vr_span wait = {ASK_MS};
		enum vr_err err = vr_kafka_partitions(g, vr_str_c(g->topics->elems[i].topic), wait, &more, d);
		if (err)
			return err;
		n += (size_t)more;
	}
	*ret_n = n;
	return VR_OK;
}

/* The limit is librdkafka's per partition and cannot be changed in a living instance, so the instance
 * that asked how many there are is replaced. The worst case counts: all partitions at one member. */
static enum vr_err divide_budget(struct vr_group *g, size_t n_partitions, struct vr_diag *d)
{
	char value[24];
	size_t kbytes = g->budget_bytes / 1024 / (n_partitions ? n_partitions : 1);
	if (kbytes < QUEUE_KBYTES_MIN)
		kbytes = QUEUE_KBYTES_MIN;
	if (kbytes > QUEUE_KBYTES_MAX)
		kbytes = QUEUE_KBYTES_MAX;
	snprintf(value, sizeof(value), "%zu", kbytes);
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(g->rk));
	if (rd_kafka_conf_set(conf, "queued.max.messages.kbytes", value, NULL, 0) != RD_KAFKA_CONF_OK) {
		rd_kafka_conf_destroy(conf);
		return vr_diag_set(d, VR_E_BUG, "kafka", "queued.max.messages.kbytes cannot be %s", value);
	}
	rd_kafka_t *asked = g->rk;
	enum vr_err err = open_instance(g, conf, d);
	if (!err)
		rd_kafka_destroy(asked);
	return err;
}

enum vr_err vr_group_join(struct vr_group *g, struct vr_diag *d)
{
	if (g->budget_bytes) {
		size_t n;
		enum vr_err err = count_partitions(g, &n, d);
		if (!err)
			err = divide_budget(g, n, d);
		if (err)
			return err;
		g->budget_bytes = 0;
	}
	rd_kafka_resp_err_t err = rd_kafka_subscribe(g->rk, g->topics);
	return err ? vr_fault_set(d, err, "subscribe") : VR_OK;
}

/* Eager, whatever the settings say of the group: there is none. */
enum vr_err vr_group_assign(struct vr_group *g, const struct vr_topic_part *parts, size_t n, struct vr_diag *d)
{
	enum vr_err err = g->budget_bytes ? divide_budget(g, n, d) : VR_OK;
	if (err)
		return err;
	g->budget_bytes = 0;
	g->is_cooperative = false;
	return vr_assign_offer(g, parts, n, d);
}

/* ------------------------------------------------------------------------- polling -- */
static void tell_refused(struct vr_group *g)
{
	pthread_mutex_lock(&g->lock);
	rd_kafka_resp_err_t err = g->refused;
	g->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&g->lock);
	if (err)
		tell(g, vr_fault_of(err), false, rd_kafka_err2str(err));
}

void vr_group_poll(struct vr_group *g, struct vr_span wait)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(g->rk, vr_span_int(wait));
	tell_refused(g);
	if (!m)
		return;
	/* A record here would be lost: every feed's queue is cut off from this one before it is assigned. */
	VR_ASSERT(m->err);
	tell_code(g, m->err, rd_kafka_message_errstr(m));
	rd_kafka_message_destroy(m);
}

/* ------------------------------------------------------------------------- leaving -- */
static struct vr_mono read_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct vr_mono){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static void leave(struct vr_group *g)
{
	/* What the group said already is heard first: an assignment that is answered while a cooperative member closes
	 * makes it wait for ever (librdkafka before 2.4.0). */
	vr_group_poll(g, (struct vr_span){0});
	vr_assign_abandon(g);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(g->rk);
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(g->rk, queue);
	struct vr_mono due = vr_mono_add(read_clock(), (struct vr_span){LEAVE_MS});
	while (!error && !rd_kafka_consumer_closed(g->rk) && !vr_mono_reached(read_clock(), due))
		rd_kafka_queue_poll_callback(queue, SLICE_MS);
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(queue);
}

static void *destroy(void *rk)
{
	rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* A broker that is connected and silent holds librdkafka up until its requests time out, a minute.
 * Nobody waits that long to end: the instance, which calls nobody back any more, is left to a thread of
 * its own. */
static void destroy_in_time(rd_kafka_t *rk)
{
	pthread_t thread;
	struct timespec due;
	if (pthread_create(&thread, NULL, destroy, rk)) {
		destroy(rk);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &due);
	due.tv_sec += DESTROY_MS / 1000;
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &due))
		pthread_detach(thread);
}

void vr_group_free(struct vr_group *g)
{
	if (!g)
		return;
	leave(g);
	/* After a fatal error or without an answer from the group nobody was told. */
	vr_assign_withdraw(g);
	VR_ASSERT(g->n_feeds == 0);
	destroy_in_time(g->rk);
	free_group(g);
}
