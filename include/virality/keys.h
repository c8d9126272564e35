/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* keys.h - the name of every key, in one place.
 *
 *   {vir:<topic>:<p>}:own    owner record           {..}:part   partials (hash)     {..}:idx     zset
 *   {..}:c:<id>              a content's state      {..}:top    boards (hash)       {..}:timers  zset
 *   {..}:u:<id>  {..}:h:<id> sketch, more channels  {..}:d:<m>  dedup of a minute   {..}:rules   list
 *   {..}:refused  {..}:stop  {..}:accept            {..}:said   (database alerts)
 *   vir:<topic>:begin        partition -> first offset
 *   vir:generation  vir:gen  what the database holds    vir:replay:<name>:alerts  (database alerts)
 *
 * Ownership: owns its texts; keep it in place (strings point into it).   Threads: read-only after init. */
#include <stdint.h>
#include "virality/redis.h"
#include "virality/store.h"

enum { VR_PREFIX_MAX = 32, VR_TOPIC_MAX = 249, VR_GENERATION_MAX = 63 };
/** What a database is called that has no name yet: the first generation. */
#define VR_GENERATION_FIRST "live"
struct vr_keys {
	char prefix_text[VR_PREFIX_MAX];	/* "vir:" */
	char tag_text[VR_PREFIX_MAX + VR_TOPIC_MAX + 32];	/* "{vir:topic:7}:" */
	struct vr_str prefix, tag;
	int live_db, alerts_db;
};
/** topic NULL-empty: no partition's keys (the publisher: tag "{vir:pub}:"). VR_E_CONFIG: too long or braces in it. */
VR_MUST enum vr_err vr_keys_init(struct vr_keys *k, struct vr_str prefix, struct vr_str topic, int32_t partition, int live_db, int alerts_db);
/** tag + name, e.g. "own". */
void vr_key_own(struct vr_cmds *c, const struct vr_keys *k, const char *name);
/** tag + slot's prefix + id: where a slot is a key of its own (CONTENT, UNIQUES, CHANNELS, DEDUP). */
void vr_key_slot(struct vr_cmds *c, const struct vr_keys *k, enum vr_slot slot, struct vr_str id);
/** prefix + name ("meta"). */
void vr_key_global(struct vr_cmds *c, const struct vr_keys *k, const char *name);
/** prefix + "c:{" + id + "}" + suffix. */
void vr_key_content(struct vr_cmds *c, const struct vr_keys *k, struct vr_str id, const char *suffix);
/** prefix + "ch:{" + channel + "}" + suffix. */
void vr_key_channel(struct vr_cmds *c, const struct vr_keys *k, struct vr_str channel, const char *suffix);
/** prefix + topic + ":begin". */
void vr_key_begin(struct vr_cmds *c, const struct vr_keys *k, struct vr_str topic);
/** prefix + "replay:" + name + ":" + suffix. */
void vr_key_replay(struct vr_cmds *c, const struct vr_keys *k, struct vr_str name, const char *suffix);
