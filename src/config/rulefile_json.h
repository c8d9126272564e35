/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rulefile_json.h - the canonical text of a set of rules. */
#include "virality/rules.h"

/** {"groups":[{"name":"virald","rules":[...]}]} on one line; failures stick in *b. */
void vr_rulefile_json_add(const struct vr_rule_spec *specs, size_t n, struct vr_buf *b);
