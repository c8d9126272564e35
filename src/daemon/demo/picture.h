/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* picture.h - what the demo shows each second: on a terminal a page that is drawn again, else a line. */
#include "run.h"

struct vr_picture;
VR_MUST enum vr_err vr_picture_new(const struct vr_redis_config *redis, const char *socket, const char *http, const char *brokers,
	struct vr_picture **ret);
void vr_picture_free(struct vr_picture *p);
void vr_picture_draw(struct vr_picture *p, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n);
/** The last words: what was done in so many seconds. */
void vr_picture_summary(struct vr_picture *p);
