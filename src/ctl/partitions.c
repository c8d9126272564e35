/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include "part.h"
#include "show.h"
#include "virality/term.h"
#include "virality/json.h"

enum { KAFKA_MS = 5000, TOKEN_SHOWN = 8, ROWS_MAX = 100000 };

struct partitions_run {
	struct vr_ctl_peers peers;
	bool json, no_kafka;
	struct vr_group *group;		/* NULL: Kafka is not asked, or away */
	struct vr_ctl_table table;
	size_t stopped;
};

#define AT(field) offsetof(struct partitions_run, field)
static const struct vr_ctl_option options[] = {
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
	{"no-kafka", 0, VR_CTL_FLAG, AT(no_kafka), NULL, "do not ask Kafka: no end, no lag", 0, 0, 0},
};
static const struct vr_ctl_column columns[] = {{"partition", false, 40}, {"owner", false, 0},
	{"offset", true, 0}, {"end", true, 0}, {"lag", true, 0}, {"stream time", false, 0}, {"boards", false, 0},
	{"state", false, 0}, {"why", false, 0}};

/* ------------------------------------------------------------------ which partitions -- */

/* Those that were there at the first start; a topic that has grown has more of them in Kafka. */
static enum vr_err count_in_redis(
	struct partitions_run *run, struct vr_str topic, int32_t *ret_n, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	enum vr_err err;

	vr_cmd(c, 2, "HKEYS");
	vr_key_begin(c, &p->keys, topic);
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, d);
	for (size_t i = 0; !err && i < r.at[0].n; i++) {
		int64_t partition = -1;

		if (vr_reply_i64(&r.at[0].elem[i], &partition) && partition >= *ret_n && partition < ROWS_MAX)
			*ret_n = (int32_t)partition + 1;
	}
	return err;
}

static void lose_kafka(struct partitions_run *run, enum vr_err err, const struct vr_diag *d)
{
	vr_ctl_note("Kafka: %s; ends and lags are unknown", d->text[0] ? d->text : vr_err_text(err));
	vr_group_free(run->group);
	run->group = NULL;
}

static enum vr_err count_partitions(
	struct partitions_run *run, struct vr_str topic, int32_t *ret_n, struct vr_diag *d)
{
	int32_t in_kafka = 0;
	struct vr_diag why = {0};
	enum vr_err err = VR_OK;

	*ret_n = 0;
	if (run->group)
		err = vr_kafka_partitions(run->group, topic, (struct vr_span){KAFKA_MS}, &in_kafka, &why);
	if (err)
		lose_kafka(run, err, &why);
	err = count_in_redis(run, topic, ret_n, d);
	*ret_n = in_kafka > *ret_n ? in_kafka : *ret_n;
	return err;
}

/* ------------------------------------------------------------------------- a partition -- */

struct line {
	struct vr_ctl_part part;
	int64_t off, first, end;	/* -1: unknown */
	const char *state;
};

static const char *state_of(const struct vr_ctl_part *part)
{
	if (part->accept->n)
		return part->stop->n ? "stopped, decision waits" : "decision waits";
	if (part->stop->n)
		return "stopped";
	if (part->own->n == 0)
		return "never started";
	return vr_ctl_field_number(part->own, "complete") ? "running" : "loading";
}

static enum vr_err look_at(struct partitions_run *run, struct vr_str topic, int32_t partition, struct line *l,
	struct vr_diag *d)
{
	struct vr_topic_part tp = {topic, partition};
	enum vr_err err = vr_ctl_part_read(&run->peers, topic, partition, &l->part, d);

	if (err)
		return err;
	l->off = l->part.own->n ? vr_ctl_field_number(l->part.own, "off") : -1;
	l->first = l->end = -1;
	l->state = state_of(&l->part);
	run->stopped += l->part.stop->n > 0;
	if (!run->group)
		return VR_OK;
	err = vr_kafka_bounds(run->group, &tp, (struct vr_span){KAFKA_MS}, &l->first, &l->end);
	if (err)
		lose_kafka(run, err, &(struct vr_diag){0});
	return VR_OK;
}

static struct vr_str number_or_dash(struct vr_arena *a, int64_t n)
{
	return n < 0 ? VR_STR("-") : vr_ctl_number(a, n);
}

static int64_t lag_of(const struct line *l)
{
	return l->off < 0 || l->end < 0 ? -1 : l->end > l->off ? l->end - l->off : 0;
}

static void add_row(struct partitions_run *run, const struct line *l)
{
	struct vr_arena *a = &run->peers.arena;
	struct vr_ctl_row *row = vr_ctl_table_row(&run->table);
	struct vr_str token = vr_ctl_field(l->part.own, "token");

	if (!row)
		return;
	row->cells[0] = vr_ctl_text(a, "%.*s:%d", (int)l->part.topic.n, l->part.topic.p, l->part.partition);
	row->cells[1] =
		token.n ? (struct vr_str){token.p, token.n < TOKEN_SHOWN ? token.n : TOKEN_SHOWN} : VR_STR("-");
	row->cells[2] = number_or_dash(a, l->off);
	row->cells[3] = number_or_dash(a, l->end);
	row->cells[4] = number_or_dash(a, lag_of(l));
	row->cells[5] = vr_ctl_time(a, vr_ctl_field_number(l->part.own, "stream_ms"));
	row->cells[6] = vr_ctl_field_number(l->part.own, "complete") ? VR_STR("complete") : VR_STR("-");
	row->cells[7] = vr_str_c(l->state);
	row->cells[8] = l->part.text;
	if (l->part.stop->n)
		row->style = VR_CTL_RED;
}

static void json_known(struct vr_buf *b, const char *name, int64_t n)
{
	if (n >= 0)
		vr_json_member_i64(b, name, n);
}

static enum vr_err print_json(struct partitions_run *run, const struct line *l)
{
	const struct { const char *name; const struct vr_reply *flat; } parts[] = {
		{"own", l->part.own}, {"stop", l->part.stop}, {"accept", l->part.accept}};
	struct vr_buf b;
	enum vr_err err;

	vr_buf_init(&b, &run->peers.mem);
	vr_buf_c(&b, "{\"topic\":");
	vr_json_string(&b, l->part.topic);
	json_known(&b, "partition", l->part.partition);
	json_known(&b, "offset", l->off);
	json_known(&b, "first", l->first);
	json_known(&b, "end", l->end);
	json_known(&b, "lag", lag_of(l));
	vr_buf_c(&b, ",\"state\":");
	vr_json_string(&b, vr_str_c(l->state));
	for (size_t i = 0; i < 3; i++) {
		if (parts[i].flat->n == 0)
			continue;
		vr_buf_c(&b, ",\"");
		vr_buf_c(&b, parts[i].name);
		vr_buf_c(&b, "\":");
		vr_ctl_json_hash(&b, parts[i].flat);
	}
	vr_buf_byte(&b, '}');
	err = vr_ctl_print_line(&b);
	vr_buf_done(&b);
	return err;
}

static enum vr_err show_topic(struct partitions_run *run, struct vr_str topic, struct vr_diag *d)
{
	int32_t n = 0;
	enum vr_err err = count_partitions(run, topic, &n, d);

	for (int32_t i = 0; !err && i < n; i++) {
		struct line l;

		err = look_at(run, topic, i, &l, d);
		if (err)
			break;
		if (run->json)
			err = print_json(run, &l);
		else
			add_row(run, &l);
	}
	return err;
}

static enum vr_ctl_exit show_all(struct partitions_run *run)
{
	const struct vr_str_list *topics = &run->peers.config->kafka_topics;
	struct vr_diag d = {0};
	enum vr_err err = VR_OK;

	if (!run->no_kafka && (err = vr_ctl_peers_look(&run->peers, &run->group, &d)))
		return vr_ctl_fail(err, &d);
	vr_ctl_table_init(&run->table, columns, sizeof(columns) / sizeof(columns[0]), &run->peers.arena);
	for (size_t i = 0; !err && i < topics->n; i++)
		err = show_topic(run, topics->at[i], &d);
	if (err)
		return vr_ctl_fail(err, &d);
	if (!run->json && run->table.n_rows)
		vr_ctl_table_print(&run->table, stdout);
	else if (!run->json)
		vr_ctl_note("virald has not begun with %.*s", (int)topics->at[0].n, topics->at[0].p);
	return run->stopped ? VR_CTL_FAILED : VR_CTL_OK;
}

static enum vr_ctl_exit run_partitions(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct partitions_run run = {0};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Which", vr_ctl_topic_options, &run.peers),
		VR_CTL_GROUP("Kafka", vr_ctl_kafka_options, &run.peers),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands rest;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &rest, &code))
		return code;
	if (rest.n)
		return vr_ctl_misuse(self, "\"%s\" is not expected; a topic is named with --topic", rest.at[0]);
	code = vr_ctl_peers_load(&run.peers);
	if (!code)
		code = vr_ctl_finish(show_all(&run));
	vr_group_free(run.group);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_partitions_command = {
	.name = "partitions",
	.operands = "",
	.summary = "Show who owns each partition, how far it is, and why it stands if it does.",
	.details = "Ends with 1 when a partition is stopped; `viralctl accept` is the way out of that.",
	.run = run_partitions,
};
