/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* list.h - a growing array of one kind, in order of arrival.
 *
 * Invariant: n <= cap elements of the one size its user always says; a zeroed list is an empty one.
 * Threads:   one owner.                                                                            */
#include "virality/mem.h"

struct vr_list { void *at; size_t n, cap; };

/** Room for one more at the end, zeroed; NULL: no memory, and nothing has changed. */
void *vr_list_push(struct vr_list *l, struct vr_mem *mem, size_t size);
void vr_list_done(struct vr_list *l, struct vr_mem *mem, size_t size);
