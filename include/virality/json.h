/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* json.h - what every writer of JSON needs.   Threads: pure; failures stick in *b. */
#include "virality/buf.h"

/** Append s as a JSON string with quotes; C0 controls, quote and backslash escaped (the
 * bytes of Python's json.dumps with ensure_ascii=False); s is valid UTF-8. */
void vr_json_string(struct vr_buf *b, struct vr_str s);
/** `,"name":"text"` and `,"name":number`: members that are not the first; a name that needs no escapes. */
void vr_json_member_str(struct vr_buf *b, const char *name, struct vr_str text);
void vr_json_member_i64(struct vr_buf *b, const char *name, int64_t v);
