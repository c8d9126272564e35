/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* put.h - one protobuf field each: tag and value, or nothing when the value is proto3's default.
 *
 * Failures stick in *b.   Threads: one owner of *b.                                          */
#include "virality/buf.h"
#include "virality/time.h"

void vr_put_varint(struct vr_buf *b, uint32_t number, uint64_t v);
void vr_put_text(struct vr_buf *b, uint32_t number, struct vr_str s);
/** One text of two parts; always written. */
void vr_put_joined(struct vr_buf *b, uint32_t number, struct vr_str head, struct vr_str tail);
void vr_put_double(struct vr_buf *b, uint32_t number, double v);
/** google.protobuf.Timestamp; times of 0 and less are unknown. */
void vr_put_time(struct vr_buf *b, uint32_t number, struct vr_wall t);
/** An entry of a map<string, string>; always written. */
void vr_put_entry(struct vr_buf *b, uint32_t number, struct vr_str key, struct vr_str value);
