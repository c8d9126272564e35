/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* settings.h - from what an operator wrote to what each room takes.
 *
 *      file, environment, path=value ──load──> struct vr_config ──> redis, kafka, shard
 *      rule files ────────────────────load──> struct vr_rulefile, or compiled
 *
 * Every mistake is printed to stderr, with its position; the caller only has to end.
 * Ownership: what is given is the caller's.   Threads: any, each its own.
 * Fails: VR_E_CONFIG for what was printed, VR_E_NOMEM.                                                              */
#include "shard/shard.h"
#include "virality/config.h"
#include "virality/rulefile.h"

enum { VR_SETTINGS_KAFKA_MS = 10000 };		/* a question to Kafka may take that long */

struct vr_settings {
	const char *config_path;
	const char *const *sets;		/* path=value */
	size_t n_sets;
};
/** Load and check everything that is in files; prints every mistake to stderr. Gives *ret and *ret_rules (NULL: the
 * configured rules are not looked at). */
VR_MUST enum vr_err vr_settings_load(const struct vr_settings *from, struct vr_config **ret, struct vr_rulefile **ret_rules);
/** Rules of other files than the configured ones; prints every mistake, or warnings, to stderr. Free the set. */
VR_MUST enum vr_err vr_settings_rules(
	const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rules **ret);
/** The same, but the files as they are kept in vir:rules. Free it. */
VR_MUST enum vr_err vr_settings_rulefile(
	const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rulefile **ret);
/** Live's database. Borrows from c. */
struct vr_redis_config vr_settings_redis(const struct vr_config *c);
/** Borrows from c; the property list is made in *list (free it). */
VR_MUST enum vr_err vr_settings_kafka(const struct vr_config *c, const char *client_id, struct vr_property **list, struct vr_kafka_config *ret);
/** But for what is known at run time: cluster, group, topic and partition. Borrows from c. */
struct vr_shard_config vr_settings_shard(const struct vr_config *c);
/** Worker threads: the setting, or one a core. */
int vr_settings_workers(const struct vr_config *c);
