/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_check.h - what must hold of a rule besides its expressions. */
#include "rules_say.h"

/** Names, labels, annotations of specs[i], and that no earlier spec has its name; mistakes go to *errors. */
void vr_rule_spec_check(const struct vr_rule_spec *specs, size_t i, struct vr_rule_errors *errors);
