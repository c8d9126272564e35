/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct vr_mock {
	rd_kafka_t *rk;				/* the cluster runs in its threads and goes with it */
	rd_kafka_mock_cluster_t *cluster;	/* borrowed from rk */
};

static void drop_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	(void)rk, (void)level, (void)fac, (void)text;
}

static rd_kafka_t *open_mock(char *why, size_t n)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, drop_log);
	rd_kafka_t *rk = NULL;
	if (rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, n) == RD_KAFKA_CONF_OK)
		rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, n);
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

enum vr_err vr_mock_new(struct vr_mock **ret, struct vr_diag *d)
{
	char why[256] = "";
	struct vr_mock *m = calloc(1, sizeof(*m));
	if (!m)
		return VR_E_NOMEM;
	m->rk = open_mock(why, sizeof(why));
	m->cluster = m->rk ? rd_kafka_handle_mock_cluster(m->rk) : NULL;
	if (!m->cluster) {
		vr_mock_free(m);
		return vr_diag_set(d, VR_E_BUG, "mock", "librdkafka's mock cluster does not start: %s", why);
	}
	*ret = m;
	return VR_OK;
}

enum vr_err vr_mock_topic(struct vr_mock *m, const char *topic, int partitions, struct vr_diag *d)
{
	rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1);
	return err ? vr_fault_set(d, err, topic) : VR_OK;
}

const char *vr_mock_brokers(const struct vr_mock *m)
{
	return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

void vr_mock_free(struct vr_mock *m)
{
	if (!m)
		return;
	if (m->rk)
		rd_kafka_destroy(m->rk);
	free(m);
}
