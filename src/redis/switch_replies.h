/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* switch_replies.h - where each reply of vr_switch_look is; switch.c asks in this order. */
#include <stdio.h>

#include "virality/switch.h"

/* Of one database: then WATCH and HGETALL of each part. */
enum { AT_SELECT, AT_WATCH_NAME, AT_NAME, AT_META, AT_WATCH_PUBLISHER, AT_PUBLISHER, AT_PARTS };
/* Of the alerts: then HMGET of each part. */
enum { TOLD_SELECT, TOLD_WATCH, TOLD_RULES, TOLD_PARTS };

static inline size_t switch_shadow_at(void) { return 1; }	/* behind UNWATCH */
static inline size_t switch_told_at(size_t n) { return switch_shadow_at() + AT_PARTS + 2 * n; }
static inline size_t switch_live_at(size_t n) { return switch_told_at(n) + TOLD_PARTS + n; }
static inline size_t switch_refused_at(size_t n) { return switch_live_at(n) + AT_PARTS + 2 * n; }
static inline size_t switch_replies(size_t n) { return switch_refused_at(n) + n; }
