/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fail_pool.h - the n-th block of a pool is refused (slabs would hide that from a failing vr_mem).
 * A test that includes this is linked with --wrap of both functions (CMakeLists.txt).   */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pool.h"

/** Blocks still granted; SIZE_MAX: all. */
static size_t fail_pool_left = SIZE_MAX;

static inline bool fail_pool_grants(void)
{
	if (fail_pool_left == 0)
		return false;
	fail_pool_left -= fail_pool_left != SIZE_MAX;
	return true;
}

void *__real_vr_pool_get(struct vr_pool *p, size_t size);
void *__wrap_vr_pool_get(struct vr_pool *p, size_t size);
void *__real_vr_pool_resize(struct vr_pool *p, void *block, size_t old, size_t size);
void *__wrap_vr_pool_resize(struct vr_pool *p, void *block, size_t old, size_t size);

void *__wrap_vr_pool_get(struct vr_pool *p, size_t size)
{
	return fail_pool_grants() ? __real_vr_pool_get(p, size) : NULL;
}

void *__wrap_vr_pool_resize(struct vr_pool *p, void *block, size_t old, size_t size)
{
	return fail_pool_grants() ? __real_vr_pool_resize(p, block, old, size) : NULL;
}
