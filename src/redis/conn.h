/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* conn.h - what the rest of this room asks a connection.   Threads: the connection's owner. */
#include "virality/redis.h"

/** Setting allow_eviction. */
bool vr_redis_may_evict(const struct vr_redis *r);
/** "redis host:port": for messages. Borrowed while r lives. */
const char *vr_redis_where(const struct vr_redis *r);
