/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* show.h - hashes of the public contract as JSON.   Threads: none. */
#include "virality/buf.h"
#include "virality/redis.h"

/** Append {"name":value,...} of a flat HGETALL or stream entry. Texts of the contract are strings, labels and
 * annotations the JSON objects they hold, all else numbers where it is one. */
void vr_ctl_json_hash(struct vr_buf *b, const struct vr_reply *flat);
/** The same without braces, to put it into an object that has more. */
void vr_ctl_json_pairs(struct vr_buf *b, const struct vr_reply *flat);
/** Append value as a JSON string, or as the number or object that it is under that name. */
void vr_ctl_json_value(struct vr_buf *b, struct vr_str name, struct vr_str value);
/** The text of a field, or empty. */
struct vr_str vr_ctl_field(const struct vr_reply *flat, const char *name);
/** The number of a field, or 0. */
int64_t vr_ctl_field_number(const struct vr_reply *flat, const char *name);
/** Print b and a line's end, unless b failed. */
VR_MUST enum vr_err vr_ctl_print_line(struct vr_buf *b);
