/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* unit.h - cmocka with the headers it wants before it, and comparisons of our types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "virality/str.h"

#define assert_str_equal(a, b)                                          \
	do {                                                            \
		struct vr_str str_a_ = (a), str_b_ = (b);               \
		assert_int_equal(str_a_.n, str_b_.n);                   \
		assert_memory_equal(str_a_.p, str_b_.p, str_b_.n);      \
	} while (0)
