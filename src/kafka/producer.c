/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"
#include <stdlib.h>

#define GIVE_UP_MS 1000

struct vr_producer {
	struct vr_kafka_log log;	/* first: the instance's opaque begins with it */
	rd_kafka_t *rk;
};

/* Travels with a record, when somebody waits for it. */
struct waiter {
	void (*done)(void *ctx, enum vr_err err);
	void *ctx;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct waiter *w = m->_private;
	(void)rk, (void)opaque;
	if (!w)
		return;
	w->done(w->ctx, vr_fault_of(m->err));
	free(w);
}

enum vr_err vr_producer_new(const struct vr_kafka_config *c, struct vr_producer **ret, struct vr_diag *d)
{
	rd_kafka_conf_t *conf;
	enum vr_err err = vr_kafka_conf(c, VR_KAFKA_PRODUCER, &conf, d);
	if (err)
		return err;
	struct vr_producer *p = calloc(1, sizeof(*p));
	if (!p) {
		rd_kafka_conf_destroy(conf);
		return VR_E_NOMEM;
	}
	p->log = c->log;
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	err = vr_kafka_open(conf, VR_KAFKA_PRODUCER, p, &p->rk, d);
	if (err) {
		free(p);
		return err;
	}
	*ret = p;
	return VR_OK;
}

void vr_producer_free(struct vr_producer *p)
{
	if (!p)
		return;
	rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(p->rk, GIVE_UP_MS);
	rd_kafka_destroy(p->rk);
	free(p);
}

/* ------------------------------------------------------------------------- sending -- */
static rd_kafka_headers_t *copy_headers(const struct vr_outgoing *o)
{
	if (!o->n_headers)
		return NULL;
	rd_kafka_headers_t *headers = rd_kafka_headers_new(o->n_headers);
	for (size_t i = 0; i < o->n_headers; i++) {
		const struct vr_header *h = &o->headers[i];
		rd_kafka_header_add(headers, h->name.p, (ssize_t)h->name.n,
			h->has_value ? (h->value.p ? h->value.p : "") : NULL, (ssize_t)h->value.n);
	}
	return headers;
}

/* librdkafka tells an empty key or value from none by the pointer. */
static const void *bytes_of(struct vr_str s, bool has)
{
	return !has ? NULL : s.p ? s.p : "";
}

static rd_kafka_resp_err_t produce(struct vr_producer *p, const char *topic, const struct vr_outgoing *o,
	struct waiter *w, rd_kafka_headers_t *headers)
{
	rd_kafka_vu_t vus[8] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = o->partition < 0 ? RD_KAFKA_PARTITION_UA : o->partition},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = w},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = o->time.ms},
		{.vtype = RD_KAFKA_VTYPE_KEY},
		{.vtype = RD_KAFKA_VTYPE_VALUE},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
	};
	vus[5].u.mem.ptr = (void *)(uintptr_t)bytes_of(o->key, o->has_key);
	vus[5].u.mem.size = o->has_key ? o->key.n : 0;
	vus[6].u.mem.ptr = (void *)(uintptr_t)bytes_of(o->value, o->has_value);
	vus[6].u.mem.size = o->has_value ? o->value.n : 0;
	rd_kafka_error_t *error = rd_kafka_produceva(p->rk, vus, headers ? 8 : 7);
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	if (error)
		rd_kafka_error_destroy(error);
	return err;
}

enum vr_err vr_producer_send(struct vr_producer *p, const struct vr_outgoing *o, struct vr_diag *d)
{
	char topic[VR_TOPIC_MAX];
	struct waiter *w = NULL;
	if (!vr_topic_z(topic, o->topic))
		return vr_diag_set(d, VR_E_CONFIG, "kafka", "not the name of a topic");
	if (o->done && !(w = malloc(sizeof(*w))))
		return VR_E_NOMEM;
	if (w)
		*w = (struct waiter){o->done, o->ctx};
	rd_kafka_headers_t *headers = copy_headers(o);
	rd_kafka_resp_err_t err = produce(p, topic, o, w, headers);
	if (!err)
		return VR_OK;
	if (headers)
		rd_kafka_headers_destroy(headers);
	free(w);
	return err == RD_KAFKA_RESP_ERR__FATAL ? vr_diag_set(d, VR_E_BUG, topic, "the producer failed for good")
					       : vr_fault_set(d, err, topic);
}

int vr_producer_poll(struct vr_producer *p, struct vr_span wait)
{
	return rd_kafka_poll(p->rk, vr_span_int(wait));
}

enum vr_err vr_producer_flush(struct vr_producer *p, struct vr_span timeout)
{
	return vr_fault_of(rd_kafka_flush(p->rk, vr_span_int(timeout)));
}
