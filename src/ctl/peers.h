/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* peers.h - the Kafka and the Redis that virald uses, as its configuration names them or as options say.
 *
 * Life:   options fill struct vr_ctl_peers -> vr_ctl_peers_load -> ..._kafka, ..._ask -> vr_ctl_peers_done
 * Threads: none.                                                                                         */
#include "options.h"
#include "virality/config.h"
#include "virality/kafka.h"
#include "virality/keys.h"
#include "virality/redis.h"

struct vr_ctl_peers {
	/* From the command line. */
	const char *file, *brokers, *redis, *topic;
	struct vr_ctl_words sets, properties;
	/* Since vr_ctl_peers_load. */
	struct vr_mem mem;
	struct vr_arena kept;			/* what lives as long as this */
	struct vr_arena arena;			/* replies and texts made of them; may be reset between two */
	struct vr_config *config;
	struct vr_str topic_name;		/* --topic, else the first of the configuration */
	struct vr_keys keys;			/* no partition's */
	struct vr_property *list;		/* of librdkafka */
	size_t n_list;
	struct vr_redis *redis_at[2];		/* by enum vr_ctl_db; connected on first use */
	struct vr_cmds cmds;			/* of the next vr_ctl_peers_ask */
};
enum vr_ctl_db { VR_CTL_LIVE, VR_CTL_ALERTS };

/** Rows for --config, --set, --redis; for --brokers, -X; for --topic. */
extern const struct vr_ctl_option vr_ctl_config_options[3], vr_ctl_kafka_options[2], vr_ctl_topic_options[1];

/** Says what is wrong and gives the exit code. */
VR_MUST enum vr_ctl_exit vr_ctl_peers_load(struct vr_ctl_peers *p);
void vr_ctl_peers_done(struct vr_ctl_peers *p);
/** For a producer. Borrows from p. */
struct vr_kafka_config vr_ctl_peers_kafka(const struct vr_ctl_peers *p);
/** To ask for partitions and offsets; joins no group. The caller frees it. */
VR_MUST enum vr_err vr_ctl_peers_look(const struct vr_ctl_peers *p, struct vr_group **ret, struct vr_diag *d);
/** The configuration of a connection of one's own. */
struct vr_redis_config vr_ctl_peers_redis(const struct vr_ctl_peers *p, enum vr_ctl_db db);
/** Ask p->cmds, which are gone then; replies live as long as p's arena. An error reply anywhere is an error, said in d. */
VR_MUST enum vr_err vr_ctl_peers_ask(struct vr_ctl_peers *p, enum vr_ctl_db db, struct vr_replies *ret, struct vr_diag *d);
