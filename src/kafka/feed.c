/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - one partition's queue.
 *
 * After a seek or a new assignment librdkafka drops by itself what was fetched for the old one (each
 * message has the version of the fetch it came from). `next` adds what it cannot know: when the whole
 * assignment is given again for the sake of another partition, this feed may just be taking what will
 * then come once more. */
#include "room.h"
#include <stdlib.h>

#define SEEK_MS 5000	/* answered by a thread of this process; only a stalled machine takes longer */
#define DRAIN_MAX 64

/* ---------------------------------------------------------------------- life cycle -- */
/* What is left from an earlier assignment: outdated, yet it would keep the queue from being empty, and
 * only an empty queue that gets something wakes. */
static void drain(rd_kafka_queue_t *queue)
{
	rd_kafka_message_t *m[DRAIN_MAX];
	ssize_t n;
	while ((n = rd_kafka_consume_batch_queue(queue, 0, m, DRAIN_MAX)) > 0)
		for (ssize_t i = 0; i < n; i++)
			rd_kafka_message_destroy(m[i]);
}

static enum vr_err open_feed(struct vr_feed *f, int wake_fd)
{
	static const uint64_t one = 1;
	f->queue = rd_kafka_queue_get_partition(f->group->rk, f->topic, f->partition);
	f->rkt = rd_kafka_topic_new(f->group->rk, f->topic, NULL);
	if (!f->queue || !f->rkt)
		return VR_E_AWAY;
	rd_kafka_queue_forward(f->queue, NULL);
	drain(f->queue);
	f->woken = wake_fd >= 0;
	if (f->woken)
		rd_kafka_queue_io_event_enable(f->queue, wake_fd, &one, sizeof(one));
	return VR_OK;
}

static void close_feed(struct vr_feed *f)
{
	if (f->woken)
		rd_kafka_queue_io_event_enable(f->queue, -1, NULL, 0);
	if (f->queue)
		rd_kafka_queue_destroy(f->queue);
	if (f->rkt)
		rd_kafka_topic_destroy(f->rkt);
	free(f);
}

static struct vr_part *part_of(struct vr_feed *f)
{
	struct vr_part *part = vr_part_find(f->group, f->topic, f->partition);
	return part && part->feed == f ? part : NULL;
}

/* Lock held. */
static enum vr_err tie(struct vr_feed *f)
{
	struct vr_part *part = vr_part_find(f->group, f->topic, f->partition);
	if (!part || part->state != VR_PART_OFFERED || part->feed)
		return VR_E_AWAY;
	part->feed = f;
	f->group->n_feeds++;
	return VR_OK;
}

enum vr_err vr_feed_new(struct vr_group *g, const struct vr_topic_part *tp, int wake_fd, struct vr_feed **ret)
{
	struct vr_feed *f = calloc(1, sizeof(*f));
	if (!f)
		return VR_E_NOMEM;
	f->group = g;
	f->partition = tp->partition;
	f->alive = true;
	enum vr_err err = vr_topic_z(f->topic, tp->topic) ? open_feed(f, wake_fd) : VR_E_CONFIG;
	if (!err) {
		pthread_mutex_lock(&g->lock);
		err = tie(f);
		pthread_mutex_unlock(&g->lock);
	}
	if (err) {
		close_feed(f);
		return err;
	}
	*ret = f;
	return VR_OK;
}

void vr_feed_free(struct vr_feed *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->group->lock);
	struct vr_part *part = part_of(f);
	if (part)
		part->feed = NULL;
	f->group->n_feeds--;
	pthread_mutex_unlock(&f->group->lock);
	close_feed(f);
}

/* ------------------------------------------------------------------------- seeking -- */
/* Lock held. A seek only moves a fetcher that runs; one that stopped, or has not started since its
 * assignment, is assigned again. */
static rd_kafka_resp_err_t move(struct vr_feed *f, struct vr_part *part, int64_t offset)
{
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__STATE;
	if (!atomic_load(&f->stopped))
		err = rd_kafka_seek(f->rkt, f->partition, offset, SEEK_MS);
	if (err)
		err = vr_assign_again(f->group, part, offset);
	return err;
}

enum vr_err vr_feed_seek(struct vr_feed *f, int64_t offset, struct vr_diag *d)
{
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
	VR_ASSERT(offset >= 0);
	pthread_mutex_lock(&f->group->lock);
	struct vr_part *part = part_of(f);
	bool gone = !part || part->state == VR_PART_GOING;
	bool early = !gone && part->state != VR_PART_READ;
	if (!gone && !early) {
		atomic_store(&f->next, offset);
		err = move(f, part, offset);
		if (!err)
			atomic_store(&f->stopped, false);
	}
	pthread_mutex_unlock(&f->group->lock);
	if (gone)
		return vr_diag_set(d, VR_E_AWAY, f->topic, "partition %d is no longer assigned", f->partition);
	if (early)
		return vr_diag_set(d, VR_E_BUSY, f->topic, "partition %d is not started yet", f->partition);
	return err ? vr_fault_set(d, err, f->topic) : VR_OK;
}

/* ------------------------------------------------------------------------- batches -- */
struct batch_priv {
	size_t n;	/* messages held; some have no item */
	rd_kafka_message_t *message[];
};

enum vr_err vr_batch_init(struct vr_batch *b, size_t cap)
{
	struct batch_priv *priv = calloc(1, sizeof(*priv) + cap * sizeof(priv->message[0]));
	struct vr_feed_item *item = calloc(cap, sizeof(*item));
	if (!priv || !item) {
		free(priv);
		free(item);
		return VR_E_NOMEM;
	}
	*b = (struct vr_batch){.item = item, .cap = cap, .priv = priv};
	return VR_OK;
}

void vr_batch_done(struct vr_batch *b)
{
	struct batch_priv *priv = b->priv;
	for (size_t i = 0; priv && i < priv->n; i++)
		rd_kafka_message_destroy(priv->message[i]);
	if (priv)
		priv->n = 0;
	b->n = 0;
}

void vr_batch_free(struct vr_batch *b)
{
	vr_batch_done(b);
	free(b->priv);
	free(b->item);
	*b = (struct vr_batch){0};
}

static void read_record(struct vr_feed_item *item, const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(m, &type);
	*item = (struct vr_feed_item){
		.what = VR_FEED_RECORD,
		.offset = m->offset,
		.time = {type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? 0 : ms},
		.log_append_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME,
		.key = {m->key, m->key_len},
		.value = {m->payload, m->len},
		.has_key = m->key != NULL,
		.has_value = m->payload != NULL,
		.message = m,
	};
}

static void read_fault(struct vr_feed *f, struct vr_feed_item *item, const rd_kafka_message_t *m)
{
	*item = (struct vr_feed_item){.offset = m->offset};
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		item->what = VR_FEED_END;
		break;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		item->what = VR_FEED_RANGE;
		atomic_store(&f->stopped, true);
		break;
	default:
		item->what = VR_FEED_ERROR;
		item->err = vr_fault_of(m->err);
		item->value = vr_str_c(rd_kafka_message_errstr(m));
		item->has_value = true;
	}
}

static void read_batch(struct vr_feed *f, struct vr_batch *b)
{
	struct batch_priv *priv = b->priv;
	int64_t next = atomic_load_explicit(&f->next, memory_order_relaxed);
	for (size_t i = 0; i < priv->n; i++) {
		const rd_kafka_message_t *m = priv->message[i];
		if (m->err) {
			read_fault(f, &b->item[b->n++], m);
		} else if (m->offset >= next) {
			read_record(&b->item[b->n++], m);
			next = m->offset + 1;
		}
	}
	atomic_store(&f->next, next);
}

size_t vr_feed_take(struct vr_feed *f, size_t max, struct vr_batch *b)
{
	struct batch_priv *priv = b->priv;
	VR_ASSERT(priv->n == 0);
	while (b->n == 0 && atomic_load(&f->alive)) {
		ssize_t n = rd_kafka_consume_batch_queue(f->queue, 0, priv->message, max < b->cap ? max : b->cap);
		if (n <= 0)
			break;
		priv->n = (size_t)n;
		read_batch(f, b);
		if (b->n == 0)
			vr_batch_done(b);
	}
	return b->n;
}

size_t vr_feed_headers(const struct vr_feed_item *item, struct vr_header *out, size_t n)
{
	rd_kafka_headers_t *headers;
	if (rd_kafka_message_headers(item->message, &headers))
		return 0;
	size_t have = rd_kafka_header_cnt(headers);
	for (size_t i = 0; i < have && i < n; i++) {
		const char *name;
		const void *value;
		size_t size;
		if (rd_kafka_header_get_all(headers, i, &name, &value, &size))
			return i;
		out[i] = (struct vr_header){vr_str_c(name), {value, size}, value != NULL};
	}
	return have;
}
