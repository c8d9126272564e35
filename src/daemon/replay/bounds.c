/* SPDX-License-Identifier: Apache-2.0 */
/* bounds.c - which partitions a replay has, and from where to where it folds each. */
#include <stdlib.h>

#include "clock.h"
#include "parts.h"

/* ------------------------------------------------ topics and partitions ---------------- */

static bool is_chosen(const struct vr_replay_options *o, struct vr_str topic)
{
	for (size_t i = 0; i < o->n_topics; i++)
		if (vr_str_eq(vr_str_c(o->topics[i]), topic))
			return true;
	return o->n_topics == 0;
}

static bool has_topic(const struct vr_generation *g, const char *topic)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->part[i].topic, topic) == 0)
			return true;
	return false;
}

bool vr_replay_has_topics(const struct vr_replay *r)
{
	const struct vr_replay_options *o = r->options;
	bool same = true;
	for (size_t i = 0; i < r->gen.n; i++)
		same &= is_chosen(o, vr_str_c(r->gen.part[i].topic));
	for (size_t i = 0; i < o->n_topics; i++)
		same &= has_topic(&r->gen, o->topics[i]);
	return same;
}

static enum vr_err check_topics(const struct vr_replay *r, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	for (size_t i = 0; i < o->n_topics; i++) {
		bool found = false;
		for (size_t k = 0; k < r->config->kafka_topics.n; k++)
			found |= vr_str_eq(vr_str_c(o->topics[i]), r->config->kafka_topics.at[k]);
		if (!found)
			return vr_diag_set(d, VR_E_CONFIG, "--topic", "%s is not among kafka.topics", o->topics[i]);
	}
	return VR_OK;
}

static enum vr_err add_topic(struct vr_replay *r, struct vr_str topic, struct vr_diag *d)
{
	struct vr_span wait = {VR_REPLAY_KAFKA_MS};
	int32_t n;
	bool known;
	enum vr_err err = vr_kafka_partitions(r->group, topic, wait, &n, d);
	if (!err)
		err = vr_kafka_topic_check(r->group, topic, wait, &known, d);
	if (err)
		return err;
	struct vr_generation_part *part = reallocarray(r->gen.part, r->gen.n + (size_t)n, sizeof(*part));
	if (!part)
		return VR_E_NOMEM;
	r->gen.part = part;
	for (int32_t i = 0; i < n; i++) {
		struct vr_generation_part *p = &part[r->gen.n++];
		*p = (struct vr_generation_part){.partition = i};
		memcpy(p->topic, topic.p, topic.n);
	}
	return VR_OK;
}

enum vr_err vr_replay_tie_parts(struct vr_replay *r, struct vr_diag *d)
{
	size_t n = r->gen.n;
	r->topic = calloc(r->config->kafka_topics.n, sizeof(r->topic[0]));
	r->part = calloc(n, sizeof(r->part[0]));
	r->shadow = calloc(n, sizeof(r->shadow[0]));
	r->live = calloc(n, sizeof(r->live[0]));
	if (!r->topic || !r->part || !r->shadow || !r->live)
		return VR_E_NOMEM;
	for (size_t t = 0; t < r->config->kafka_topics.n; t++) {
		struct vr_str topic = r->config->kafka_topics.at[t];
		bool used = false;
		for (size_t i = 0; i < n; i++) {
			if (!vr_str_eq(topic, vr_str_c(r->gen.part[i].topic)))
				continue;
			r->part[i] = (struct vr_topic_part){topic, r->gen.part[i].partition};
			used = true;
		}
		if (used)
			r->topic[r->n_topics++] = topic;
	}
	for (size_t i = 0; i < n; i++)
		if (!r->part[i].topic.n)
			return vr_diag_set(d, VR_E_CONFIG, "kafka.topics", "generation '%s' has topic %s, which is not configured", r->gen.name,
				r->gen.part[i].topic);
	return VR_OK;
}

enum vr_err vr_replay_find_parts(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = check_topics(r, d);
	for (size_t i = 0; i < r->config->kafka_topics.n && !err; i++)
		if (is_chosen(r->options, r->config->kafka_topics.at[i]))
			err = add_topic(r, r->config->kafka_topics.at[i], d);
	return err ? err : vr_replay_tie_parts(r, d);
}

/* ------------------------------------------------ live --------------------------------- */

enum vr_err vr_replay_read_live(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, &r->link, &r->mem);
	for (size_t i = 0; i < r->gen.n; i++) {
		struct vr_keys keys;
		enum vr_err err = vr_keys_init(&keys, r->config->redis_prefix, r->part[i].topic, r->part[i].partition, r->keys.live_db,
			r->keys.alerts_db);
		VR_ASSERT(err == VR_OK);	/* the prefix was tried at the start, and Kafka has the topic */
		vr_cmd(&t.cmds, 3, "HGET");
		vr_key_own(&t.cmds, &keys, "own");
		vr_cmd_c(&t.cmds, "off");
	}
	enum vr_err err = vr_replay_ask(r, &t, d);
	for (size_t i = 0; i < r->gen.n && !err; i++) {
		struct vr_replay_live *live = &r->live[i];
		*live = (struct vr_replay_live){.committed = -1};
		live->exists = vr_reply_i64(&t.r.at[i], &live->off);
		if (!live->exists)
			err = vr_kafka_committed(r->group, &r->part[i], (struct vr_span){VR_REPLAY_KAFKA_MS}, &live->committed);
		if (err)
			vr_diag_set(d, err, "kafka", "cannot learn the group's committed offset");
	}
	vr_talk_close(&t);
	return err;
}

/* ------------------------------------------------ bounds ------------------------------- */

enum vr_err vr_replay_find_bounds(struct vr_replay *r, struct vr_diag *d)
{
	const char *from = r->options->from ? r->options->from : "earliest", *to = r->options->to ? r->options->to : "live";
	struct vr_wall now = vr_clock_wall();
	struct vr_point first, end;
	vr_str_copy(r->gen.from, sizeof(r->gen.from), vr_str_c(from));
	vr_str_copy(r->gen.to, sizeof(r->gen.to), vr_str_c(to));
	enum vr_err err = vr_point_parse(vr_str_c(from), false, now, &first, d);
	if (!err)
		err = vr_point_parse(vr_str_c(to), true, now, &end, d);
	struct vr_range *range = calloc(r->gen.n, sizeof(*range));
	if (!err)
		err = range ? vr_range_find(r->group, r->part, r->gen.n, &first, &end, (struct vr_span){VR_REPLAY_KAFKA_MS}, range, d) : VR_E_NOMEM;
	for (size_t i = 0; i < r->gen.n && !err; i++) {
		struct vr_generation_part *p = &r->gen.part[i];
		p->first = range[i].first;
		p->end = range[i].end;
		p->gap = range[i].gap;
		p->gap_at_most = range[i].gap_at_most;
		if (!r->live[i].exists && r->live[i].committed >= 0 && r->live[i].committed < p->end)
			p->end = r->live[i].committed > p->first ? r->live[i].committed : p->first;
	}
	free(range);
	return err;
}
