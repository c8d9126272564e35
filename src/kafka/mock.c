/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct vr_mock {
	rd_kafka_t *rk;		/* whose thread the cluster runs in */
	rd_kafka_mock_cluster_t *cluster;
};

enum vr_err vr_mock_new(struct vr_mock **ret, struct vr_diag *d)
{
	char why[256];
	struct vr_mock *m = calloc(1, sizeof(*m));
	if (!m)
		return VR_E_NOMEM;
	m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof(why));
	if (m->rk)
		m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
	if (!m->cluster) {
		vr_mock_free(m);
		return vr_diag_set(d, VR_E_BUG, "mock", "librdkafka has no mock cluster");
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
	if (m->cluster)
		rd_kafka_mock_cluster_destroy(m->cluster);
	if (m->rk)
		rd_kafka_destroy(m->rk);
	free(m);
}
