/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_mem.h"

#include <stdalign.h>
#include <stdlib.h>
#include "virality/err.h"

struct sim_block {
	struct sim_block *next, **link;
	alignas(max_align_t) char bytes[];
};

static void unlink_block(struct sim_block *b)
{
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
}

static void link_block(struct sim_mem *m, struct sim_block *b)
{
	b->next = m->first;
	b->link = &m->first;
	if (b->next)
		b->next->link = &b->next;
	m->first = b;
}

static void *resize(void *ctx, void *p, size_t old, size_t size)
{
	struct sim_block *b = p ? (struct sim_block *)(void *)((char *)p - sizeof(*b)) : NULL;
	(void)old;
	if (b)
		unlink_block(b);
	if (size == 0) {
		free(b);
		return NULL;
	}
	b = realloc(b, sizeof(*b) + size);
	VR_ASSERT(b);
	link_block(ctx, b);
	return b->bytes;
}

void sim_mem_init(struct sim_mem *m)
{
	*m = (struct sim_mem){.mem = {.resize = resize, .ctx = m}};
}

void sim_mem_done(struct sim_mem *m)
{
	while (m->first) {
		struct sim_block *b = m->first;
		m->first = b->next;
		free(b);
	}
	sim_mem_init(m);
}
