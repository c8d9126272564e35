/* SPDX-License-Identifier: Apache-2.0 */
/* properties.c - librdkafka's settings: ours, the operator's, and those that nobody may change.
 *
 * Order: our defaults, then the operator's properties by name, then what the configuration file says in
 * settings of its own. A property with a reason below is refused before librdkafka sees it. */
#include "room.h"
#include <stdio.h>
#include <stdlib.h>

#define BOTH (VR_KAFKA_CONSUMER | VR_KAFKA_PRODUCER)
#define CONSUMER VR_KAFKA_CONSUMER
#define PRODUCER VR_KAFKA_PRODUCER
#define BULK 4U		/* a consumer for whom nobody waits */
#define COOPERATIVE_SINCE 0x020601ff	/* before: endless loop in the assignor, lost assignments, crashes */

struct row {
	const char *name;
	const char *value;	/* NULL: not set here */
	unsigned roles;
	const char *refused;	/* why the operator may not set it; NULL: may */
};

#define OFFSETS "offsets come from Redis alone, stored together with the counters"
#define SETTING "it is a setting of its own in the section kafka"
#define ACKED "a record is passed only after its dead letter is stored for good"
static const struct row rows[] = {
	{"bootstrap.servers", NULL, BOTH, SETTING ": brokers"},
	{"metadata.broker.list", NULL, BOTH, SETTING ": brokers"},
	{"group.id", NULL, CONSUMER, SETTING ": group"},
	{"client.id", NULL, BOTH, "it must differ between instances; it is made from the instance's name"},
	{"topic.blacklist", NULL, CONSUMER, "a topic that is consumed must be seen"},
	{"auto.offset.reset", "error", CONSUMER,
		"an offset outside the log must stop the partition, not skip or repeat records"},
	{"enable.auto.commit", "false", CONSUMER, OFFSETS},
	{"auto.commit.enable", NULL, CONSUMER, OFFSETS},
	{"enable.auto.offset.store", "false", CONSUMER, OFFSETS},
	{"offset.store.method", NULL, CONSUMER, OFFSETS},
	{"enable.partition.eof", "true", CONSUMER, "the end of a partition must be seen, to know that all is read"},
	{"isolation.level", "read_committed", CONSUMER, "records of aborted transactions must not be counted"},
	{"allow.auto.create.topics", "false", BOTH, "a mistyped topic must be an error, not a new topic"},
	{"queued.max.messages.kbytes", NULL, CONSUMER,
		"it follows from the memory budget and the number of partitions"},
	{"enable.idempotence", "true", PRODUCER, "a retry must not write a record twice"},
	{"acks", "all", PRODUCER, ACKED},
	{"request.required.acks", NULL, PRODUCER, ACKED},
	{"partitioner", "murmur2_random", PRODUCER,
		"a content's records must meet in one partition, the one Java's clients choose"},
	{"log.queue", "true", BOTH, "the log is served by the daemon"},
	{"check.crcs", "true", CONSUMER, NULL},
	{"partition.assignment.strategy", "range", CONSUMER, NULL},
	{"session.timeout.ms", "45000", CONSUMER, NULL},
	{"max.poll.interval.ms", "300000", CONSUMER, NULL},
	{"fetch.message.max.bytes", "1048576", CONSUMER, NULL},
	/* A partition that is new or sought waits for the answer that is under way for the others. */
	{"fetch.wait.max.ms", "100", CONSUMER, NULL},
	/* At the end of the log each record that comes would be an answer of its own, and cost the broker as much as a megabyte.
	 * While an answer is waited for, partitions that have more are not asked for it. */
	{"fetch.min.bytes", "262144", BULK, NULL},
	{"fetch.wait.max.ms", "50", BULK, NULL},
	{"topic.metadata.refresh.interval.ms", "60000", BOTH, NULL},
	{"socket.keepalive.enable", "true", BOTH, NULL},
	{"message.timeout.ms", "30000", PRODUCER, NULL},
	/* Dead letters are as large as what they came from, and headers more; the broker has the last word. */
	{"message.max.bytes", "16777216", PRODUCER, NULL},
	{"compression.codec", "lz4", PRODUCER, NULL},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const char *vr_kafka_property_refused(struct vr_str name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (vr_str_eq(name, vr_str_c(rows[i].name)))
			return rows[i].refused;
	return NULL;
}

const char *vr_kafka_version(void)
{
	return rd_kafka_version_str();
}

/* ------------------------------------------------------------------ setting one -- */
static enum vr_err set_z(rd_kafka_conf_t *conf, const char *name, const char *value, struct vr_diag *d)
{
	char why[256];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return VR_OK;
	return vr_diag_set(d, VR_E_CONFIG, "kafka.properties", "%s: %s", name, why);
}

static enum vr_err set(rd_kafka_conf_t *conf, struct vr_str name, struct vr_str value, struct vr_diag *d)
{
	char *zname = strndup(name.n ? name.p : "", name.n), *zvalue = strndup(value.n ? value.p : "", value.n);
	enum vr_err err = zname && zvalue ? set_z(conf, zname, zvalue, d) : VR_E_NOMEM;
	free(zname);
	free(zvalue);
	return err;
}

static enum vr_err set_property(rd_kafka_conf_t *conf, const struct vr_property *p, struct vr_diag *d)
{
	const char *why = vr_kafka_property_refused(p->name);
	if (why)
		return vr_diag_set(d, VR_E_CONFIG, "kafka.properties", "%.*s cannot be set: %s",
			(int)p->name.n, p->name.p, why);
	if (vr_str_eq(p->name, VR_STR("partition.assignment.strategy")) &&
	    memmem(p->value.p, p->value.n, "cooperative", 11) && rd_kafka_version() < COOPERATIVE_SINCE)
		return vr_diag_set(d, VR_E_CONFIG, "kafka.properties", "partition.assignment.strategy: cooperative "
			"rebalancing is faulty in librdkafka %s; it needs 2.6.1 or later, else range", rd_kafka_version_str());
	return set(conf, p->name, p->value, d);
}

static enum vr_err set_given(rd_kafka_conf_t *conf, const char *name, struct vr_str value, struct vr_diag *d)
{
	return value.n ? set(conf, vr_str_c(name), value, d) : VR_OK;
}

/* ------------------------------------------------------------------ all of them -- */
static enum vr_err fill(rd_kafka_conf_t *conf, const struct vr_kafka_config *c, enum vr_kafka_role role,
	struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	unsigned roles = role | (c->bulk && role == VR_KAFKA_CONSUMER ? BULK : 0U);
	for (size_t i = 0; i < N_ROWS && !err; i++)
		if (rows[i].value && (rows[i].roles & roles))
			err = set_z(conf, rows[i].name, rows[i].value, d);
	for (size_t i = 0; i < c->n_properties && !err; i++)
		err = set_property(conf, &c->properties[i], d);
	if (!err)
		err = set_given(conf, "bootstrap.servers", c->brokers, d);
	if (!err)
		err = set_given(conf, "client.id", c->client_id, d);
	if (!err && role == VR_KAFKA_CONSUMER)
		err = set_given(conf, "group.id", c->group_id, d);
	return err;
}

enum vr_err vr_kafka_conf(const struct vr_kafka_config *c, enum vr_kafka_role role, rd_kafka_conf_t **ret,
	struct vr_diag *d)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum vr_err err = fill(conf, c, role, d);
	if (err) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	*ret = conf;
	return VR_OK;
}

/* ------------------------------------------------------------------- an instance -- */
static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	const struct vr_kafka_log *log = rk ? rd_kafka_opaque(rk) : NULL;
	if (log && log->say)
		log->say(log->ctx, level, fac, text);
}

/* With OAUTHBEARER the token is fetched from a callback on the queue that the very first question to a
 * broker would wait for. */
static bool wants_token(const rd_kafka_conf_t *conf)
{
	char value[64];
	size_t n = sizeof(value);
	return rd_kafka_conf_get(conf, "sasl.mechanisms", value, &n) == RD_KAFKA_CONF_OK &&
	       strcmp(value, "OAUTHBEARER") == 0;
}

enum vr_err vr_kafka_open(rd_kafka_conf_t *conf, enum vr_kafka_role role, void *opaque, rd_kafka_t **ret,
	struct vr_diag *d)
{
	char why[256];
	bool token = wants_token(conf);
	rd_kafka_conf_set_opaque(conf, opaque);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_enable_sasl_queue(conf, token);
	rd_kafka_t *rk = rd_kafka_new(role == VR_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
		conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		return vr_diag_set(d, VR_E_CONFIG, "kafka.properties", "%s", why);
	}
	rd_kafka_resp_err_t err = rd_kafka_set_log_queue(rk, NULL);
	rd_kafka_error_t *error = token && !err ? rd_kafka_sasl_background_callbacks_enable(rk) : NULL;
	if (err || error) {
		if (error)
			rd_kafka_error_destroy(error);
		rd_kafka_destroy(rk);
		return vr_diag_set(d, VR_E_BUG, "kafka", "librdkafka refuses its own queues");
	}
	*ret = rk;
	return VR_OK;
}

static enum vr_err try_role(const struct vr_kafka_config *c, enum vr_kafka_role role, struct vr_diag *d)
{
	struct vr_kafka_config away = *c;
	struct vr_kafka_log quiet = {0};
	rd_kafka_conf_t *conf;
	rd_kafka_t *rk;
	away.brokers = (struct vr_str){0};	/* nothing to connect to */
	if (role == VR_KAFKA_CONSUMER && !away.group_id.n)
		away.group_id = VR_STR("none");
	enum vr_err err = vr_kafka_conf(&away, role, &conf, d);
	if (!err)
		err = vr_kafka_open(conf, role, &quiet, &rk, d);
	if (!err)
		rd_kafka_destroy(rk);
	return err;
}

enum vr_err vr_kafka_config_try(const struct vr_kafka_config *c, struct vr_diag *d)
{
	enum vr_err err = try_role(c, VR_KAFKA_CONSUMER, d);
	return err ? err : try_role(c, VR_KAFKA_PRODUCER, d);
}
