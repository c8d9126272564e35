/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* json.h - the one thing every writer of JSON needs.   Threads: pure; failures stick in *b. */
#include "virality/buf.h"

/** Append s as a JSON string with quotes; C0 controls, quote and backslash escaped (the
 * bytes of Python's json.dumps with ensure_ascii=False); s is valid UTF-8. */
void vr_json_string(struct vr_buf *b, struct vr_str s);
