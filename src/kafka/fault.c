/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - librdkafka's errors as ours. What is not listed is a peer that is away: librdkafka tries
 * again. */
#include "room.h"

struct fault { rd_kafka_resp_err_t err; enum vr_err is; };

static const struct fault faults[] = {
	{RD_KAFKA_RESP_ERR_NO_ERROR, VR_OK},
	{RD_KAFKA_RESP_ERR__TIMED_OUT, VR_E_TIMEOUT},
	{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, VR_E_TIMEOUT},
	{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, VR_E_TIMEOUT},
	{RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, VR_E_TIMEOUT},
	{RD_KAFKA_RESP_ERR__QUEUE_FULL, VR_E_BUSY},
	{RD_KAFKA_RESP_ERR__STATE, VR_E_BUSY},
	{RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS, VR_E_BUSY},
	{RD_KAFKA_RESP_ERR__IN_PROGRESS, VR_E_BUSY},
	{RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, VR_E_NOMEM},
	{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, VR_E_SIZE},
	{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, VR_E_SIZE},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR__INVALID_ARG, VR_E_CONFIG},
	{RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, VR_E_UNSUPPORTED},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, VR_E_UNSUPPORTED},
	{RD_KAFKA_RESP_ERR__AUTHENTICATION, VR_E_AUTH},
	{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, VR_E_AUTH},
	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, VR_E_AUTH},
	{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, VR_E_AUTH},
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, VR_E_AUTH},
};

enum vr_err vr_fault_of(rd_kafka_resp_err_t err)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].err == err)
			return faults[i].is;
	return VR_E_AWAY;
}

enum vr_err vr_fault_set(struct vr_diag *d, rd_kafka_resp_err_t err, const char *where)
{
	return vr_diag_set(d, vr_fault_of(err), where, "%s (%s)", rd_kafka_err2str(err), rd_kafka_err2name(err));
}
