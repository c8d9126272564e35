/* SPDX-License-Identifier: Apache-2.0 */
/* judge_say.c - an alert in words. */
#include "judge.h"

static struct vr_str keep(struct vr_engine *e, struct vr_str s)
{
	struct vr_str copy = {NULL, 0};
	if (s.n > 0 && vr_arena_dup(&e->texts, s, &copy))
		e->broken = true;
	return copy;
}

static void fill_names(struct vr_engine *e, const struct vr_content *c, const struct vr_rule *rule, struct vr_alert *a)
{
	int top = vr_content_top_channel(c, vr_engine_channel_name, e);
	a->alertname = vr_rule_name(rule);
	a->severity = vr_rule_severity(rule);
	a->content_id = c->id;
	a->title = c->title;
	a->channel = top < 0 ? VR_STR("") : vr_engine_channel_name(e, (uint16_t)top);
	a->topic = e->config.topic;
	a->partition = e->config.partition;
	a->rule_version = vr_rule_version(rule);
}

static void make_id(struct vr_engine *e, struct vr_alert *a)
{
	(void)vr_engine_buf(e, &e->scratch);
	vr_buf_c(&e->scratch, "content:");
	vr_buf_str_add(&e->scratch, a->content_id);
	vr_alert_id(a->alertname, a->rule_version, vr_buf_str(&e->scratch), a->topic, a->partition, a->starts, a->offset, a->id);
}

void vr_judge_describe(struct vr_engine *e, struct vr_content *c, const struct vr_rule *rule, const struct vr_rule_state *s,
	const struct vr_judged *j, struct vr_alert *a)
{
	fill_names(e, c, rule, a);
	a->starts = s->since;
	a->offset = s->offset;
	a->value = j->value;
	a->threshold = j->threshold;
	make_id(e, a);
	struct vr_template_env env = {a->value, a->threshold, c->id, c->title, c->url, a->channel};
	(void)vr_engine_buf(e, &e->scratch);
	vr_rule_labels_json(rule, &e->scratch);
	a->labels = keep(e, vr_buf_str(&e->scratch));
	(void)vr_engine_buf(e, &e->scratch);
	vr_rule_annotations_json(rule, &env, &e->scratch);
	a->annotations = keep(e, vr_buf_str(&e->scratch));
	a->alertname = keep(e, a->alertname);
	a->severity = keep(e, a->severity);
	a->content_id = keep(e, a->content_id);
	a->title = keep(e, a->title);
	a->channel = keep(e, a->channel);
	if (s->state == VR_ALERT_PENDING)
		a->due = vr_wall_add(s->since, vr_rule_for(rule));
}
