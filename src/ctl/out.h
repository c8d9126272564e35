/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* out.h - where events go: a Kafka topic, standard output as JSON lines, or nowhere (a dry run).
 *
 * Key = content_id, so that a content stays in one partition; the Kafka timestamp is now.
 * Every event is waited for until it is stored for good; the first failure ends the run.   Threads: none. */
#include "peers.h"
#include "virality/event.h"

enum vr_ctl_target { VR_CTL_TO_KAFKA, VR_CTL_TO_STDOUT, VR_CTL_TO_NOWHERE };

struct vr_ctl_out {
	enum vr_ctl_target target;
	bool json;			/* on Kafka: JSON instead of protobuf */
	struct vr_str topic;
	struct vr_producer *producer;
	struct vr_buf buf;
	uint64_t sent, stored;
	bool closed;			/* nobody reads standard output any more */
	enum vr_err failed;		/* of the first event that could not be stored */
};

/** For Kafka: the topic must be there. Says what is wrong and gives the exit code. */
VR_MUST enum vr_ctl_exit vr_ctl_out_open(
	struct vr_ctl_out *o, struct vr_ctl_peers *p, enum vr_ctl_target target, bool json);
VR_MUST enum vr_err vr_ctl_out_put(struct vr_ctl_out *o, const struct vr_event *ev, struct vr_diag *d);
/** Wait until all is stored. */
VR_MUST enum vr_err vr_ctl_out_finish(struct vr_ctl_out *o, struct vr_diag *d);
void vr_ctl_out_close(struct vr_ctl_out *o);
