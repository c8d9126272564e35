/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"
#include "virality/codec.h"

enum { LOOK_MS = 10000, FULL_MS = 50, FINISH_MS = 60000, POLL_EVERY = 512 };

static enum vr_ctl_exit check_topic(struct vr_ctl_out *o, struct vr_ctl_peers *p)
{
	struct vr_group *group = NULL;
	struct vr_diag d = {0};
	int32_t n = 0;
	enum vr_err err = vr_ctl_peers_look(p, &group, &d);

	if (!err)
		err = vr_kafka_partitions(group, o->topic, (struct vr_span){LOOK_MS}, &n, &d);
	vr_group_free(group);
	if (!err)
		return VR_CTL_OK;
	if (vr_err_verdict(err) == VR_VERDICT_RETRY)
		vr_ctl_note("is Kafka up at %.*s? --brokers names another", (int)p->config->kafka_brokers.n,
			p->config->kafka_brokers.p);
	return vr_ctl_fail(err, &d);
}

enum vr_ctl_exit vr_ctl_out_open(
	struct vr_ctl_out *o, struct vr_ctl_peers *p, enum vr_ctl_target target, bool json)
{
	struct vr_kafka_config config = vr_ctl_peers_kafka(p);
	struct vr_diag d = {0};
	enum vr_ctl_exit code;
	enum vr_err err;

	*o = (struct vr_ctl_out){.target = target, .json = json, .topic = p->topic_name};
	vr_buf_init(&o->buf, &p->mem);
	if (target != VR_CTL_TO_KAFKA)
		return VR_CTL_OK;
	code = check_topic(o, p);
	if (code)
		return code;
	err = vr_producer_new(&config, &o->producer, &d);
	return err ? vr_ctl_fail(err, &d) : VR_CTL_OK;
}

void vr_ctl_out_close(struct vr_ctl_out *o)
{
	vr_producer_free(o->producer);
	if (o->buf.mem)
		vr_buf_done(&o->buf);
	*o = (struct vr_ctl_out){0};
}

static void stored(void *ctx, enum vr_err err)
{
	struct vr_ctl_out *o = ctx;

	if (!err)
		o->stored++;
	else if (!o->failed)
		o->failed = err;
}

static enum vr_err failure(const struct vr_ctl_out *o, struct vr_diag *d)
{
	if (!o->failed)
		return VR_OK;
	return vr_diag_set(d, o->failed, "kafka", "%s: %" PRIu64 " of %" PRIu64 " events are stored in %.*s",
		vr_err_text(o->failed), o->stored, o->sent, (int)o->topic.n, o->topic.p);
}

static enum vr_err send(struct vr_ctl_out *o, const struct vr_event *ev, struct vr_diag *d)
{
	struct vr_outgoing out = {.topic = o->topic, .partition = -1, .key = ev->content_id, .has_key = true,
		.value = vr_buf_str(&o->buf), .has_value = true, .done = stored, .ctx = o};
	enum vr_err err;

	while ((err = vr_producer_send(o->producer, &out, d)) == VR_E_BUSY && !o->failed)
		(void)vr_producer_poll(o->producer, (struct vr_span){FULL_MS});
	if (err)
		return err;
	if (++o->sent % POLL_EVERY == 0)
		(void)vr_producer_poll(o->producer, (struct vr_span){0});
	return failure(o, d);
}

enum vr_err vr_ctl_out_put(struct vr_ctl_out *o, const struct vr_event *ev, struct vr_diag *d)
{
	if (o->target == VR_CTL_TO_NOWHERE) {
		o->sent++;
		return VR_OK;
	}
	vr_buf_clear(&o->buf);
	if (o->json || o->target == VR_CTL_TO_STDOUT)
		vr_codec_event_json(ev, &o->buf);
	else
		vr_codec_event_proto(ev, &o->buf);
	if (o->target == VR_CTL_TO_STDOUT)
		vr_buf_byte(&o->buf, '\n');
	if (o->buf.failed)
		return VR_E_NOMEM;
	if (o->target == VR_CTL_TO_KAFKA)
		return send(o, ev, d);
	o->sent++;
	o->closed = fwrite(o->buf.p, 1, o->buf.n, stdout) < o->buf.n;
	return VR_OK;
}

enum vr_err vr_ctl_out_finish(struct vr_ctl_out *o, struct vr_diag *d)
{
	enum vr_err err;

	if (o->target != VR_CTL_TO_KAFKA)
		return VR_OK;
	err = vr_producer_flush(o->producer, (struct vr_span){FINISH_MS});
	if (err && !o->failed)
		o->failed = err;
	return failure(o, d);
}
