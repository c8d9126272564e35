/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* vr_test.h - what unit tests share: cmocka, a repeatable random source, memory that fails when told.
 *
 * Threads: one.   The seed is VR_TEST_SEED of the environment, else 1; a failing test is repeated with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "virality/mem.h"

/* splitmix64: every seed is a good one. */
struct vr_rng { uint64_t s; };

static inline uint64_t vr_rng_next(struct vr_rng *r)
{
	uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline struct vr_rng vr_rng_new(void)
{
	const char *seed = getenv("VR_TEST_SEED");

	return (struct vr_rng){seed ? strtoull(seed, NULL, 10) : 1};
}

/** 0 .. n-1; n > 0. */
static inline uint64_t vr_rng_below(struct vr_rng *r, uint64_t n) { return vr_rng_next(r) % n; }
/** lo .. hi, both in. */
static inline int64_t vr_rng_between(struct vr_rng *r, int64_t lo, int64_t hi)
{
	return lo + (int64_t)vr_rng_below(r, (uint64_t)(hi - lo) + 1);
}

/* Memory that counts calls and bytes, holds the caller to the sizes it names, always moves when it resizes,
 * and fails from the moment `left` calls have been granted. */
struct vr_test_mem {
	size_t left;	/* calls still granted; SIZE_MAX: all */
	size_t calls;	/* granted so far, without frees */
	size_t bytes;	/* held now */
};
struct vr_test_block { size_t size; char pad[16 - sizeof(size_t)]; };

static inline void vr_test_free(struct vr_test_mem *t, void *p, size_t old)
{
	struct vr_test_block *b = (struct vr_test_block *)p - 1;

	assert_true(b->size == old);
	t->bytes -= old;
	free(b);
}

static inline void *vr_test_resize(void *ctx, void *p, size_t old, size_t size)
{
	struct vr_test_mem *t = ctx;
	struct vr_test_block *b;

	if (size == 0) {
		vr_test_free(t, p, old);
		return NULL;
	}
	if (t->left == 0)
		return NULL;
	t->left -= t->left != SIZE_MAX;
	t->calls++;
	b = malloc(sizeof(*b) + size);
	assert_non_null(b);
	b->size = size;
	memset(b + 1, 0xa5, size);
	t->bytes += size;
	if (p) {
		memcpy(b + 1, p, old < size ? old : size);
		vr_test_free(t, p, old);
	}
	return b + 1;
}

/** A vr_mem over *t, which is reset to grant everything. */
static inline struct vr_mem vr_test_mem_of(struct vr_test_mem *t)
{
	*t = (struct vr_test_mem){.left = SIZE_MAX};
	return (struct vr_mem){.resize = vr_test_resize, .ctx = t};
}
