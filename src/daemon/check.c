/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static int say(enum vr_err err, const char *what, const struct vr_diag *d)
{
	if (!err) {
		printf("ok      %s\n", what);
		return EX_OK;
	}
	fprintf(stderr, "failed  %s: %s%s%s\n", what, d->where, d->where[0] ? ": " : "", d->text[0] ? d->text : vr_err_text(err));
	return vr_err_verdict(err) == VR_VERDICT_CONFIG || vr_err_verdict(err) == VR_VERDICT_STOP ? EX_CONFIG : EX_UNAVAILABLE;
}

static int try_redis(const struct vr_config *c)
{
	struct vr_redis_config rc = vr_settings_redis(c);
	struct vr_redis *r = NULL;
	struct vr_redis_facts f = {0};
	struct vr_diag d = {0};
	enum vr_err err = vr_redis_new(&rc, &r);
	if (!err)
		err = vr_redis_connect(r, &d);
	if (!err)
		err = vr_redis_check(r, &f, &d);
	vr_redis_free(r);
	int code = say(err, "Redis answers and is fit for the job", &d);
	if (!err && vr_redis_facts_warning(&f))
		printf("warning Redis: %s\n", vr_redis_facts_warning(&f));
	return code;
}

static int try_kafka(const struct vr_config *c, const struct vr_kafka_config *kc)
{
	struct vr_group_ops ops = {0};
	struct vr_group *g = NULL;
	struct vr_diag d = {0};
	int32_t n;
	bool known;
	enum vr_err err = vr_group_new(kc, &ops, &g, &d);
	for (size_t i = 0; !err && i < c->kafka_topics.n; i++) {
		err = vr_kafka_partitions(g, c->kafka_topics.at[i], (struct vr_span){10000}, &n, &d);
		if (!err)
			err = vr_kafka_topic_check(g, c->kafka_topics.at[i], (struct vr_span){10000}, &known, &d);
	}
	if (g)
		vr_group_free(g);
	return say(err, "Kafka answers and has the topics", &d);
}

int vr_check(const struct vr_settings *from, bool connect, bool dump)
{
	struct vr_config *c;
	struct vr_rulefile *rules;
	struct vr_property *list = NULL;
	struct vr_kafka_config kc;
	struct vr_diag d = {0};
	if (vr_settings_load(from, &c, &rules))
		return EX_CONFIG;
	if (dump)
		vr_config_dump(c, stdout);
	int code = say(VR_OK, "configuration and rules", &d);
	enum vr_err err = vr_settings_kafka(c, "virald-check", &list, &kc);
	if (!err)
		err = vr_kafka_config_try(&kc, &d);
	code = say(err, "properties of librdkafka", &d);
	if (!code && connect)
		code = try_redis(c);
	if (!code && connect)
		code = try_kafka(c, &kc);
	free(list);
	vr_rulefile_free(rules);
	vr_config_free(c);
	return code;
}

int vr_check_versions(void)
{
	printf("virald %s\nlibrdkafka %s\nhiredis %s\nschema 1\n", VR_VERSION, vr_kafka_version(), vr_redis_version());
	return EX_OK;
}
