/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"
#include <stdlib.h>

bool vr_topic_z(char out[static VR_TOPIC_MAX], struct vr_str topic)
{
	if (topic.n == 0 || topic.n >= VR_TOPIC_MAX || memchr(topic.p, 0, topic.n))
		return false;
	memcpy(out, topic.p, topic.n);
	out[topic.n] = 0;
	return true;
}

struct vr_part *vr_part_find(struct vr_group *g, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < g->n_parts; i++)
		if (g->parts[i].partition == partition && strcmp(g->parts[i].topic, topic) == 0)
			return &g->parts[i];
	return NULL;
}

void vr_part_add(struct vr_group *g, const char *topic, int32_t partition)
{
	struct vr_part *parts = reallocarray(g->parts, g->n_parts + 1, sizeof(*parts));
	VR_ASSERT(parts);
	g->parts = parts;
	struct vr_part *part = &parts[g->n_parts++];
	*part = (struct vr_part){.partition = partition, .state = VR_PART_OFFERED, .offset = -1};
	VR_ASSERT(vr_topic_z(part->topic, vr_str_c(topic)));
	g->n_open++;
}

static void let_go(struct vr_group *g, struct vr_part *part)
{
	if (part->state == VR_PART_OFFERED)
		g->n_open--;
	part->state = VR_PART_GOING;
	if (part->feed)
		atomic_store(&part->feed->alive, false);
}

size_t vr_parts_going(struct vr_group *g, const rd_kafka_topic_partition_list_t *list)
{
	size_t n = 0;
	for (size_t i = 0; i < g->n_parts; i++) {
		struct vr_part *part = &g->parts[i];
		if (list && !rd_kafka_topic_partition_list_find(
				(rd_kafka_topic_partition_list_t *)(uintptr_t)list, part->topic, part->partition))
			continue;
		let_go(g, part);
		n++;
	}
	return n;
}

void vr_parts_drop(struct vr_group *g)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->n_parts; i++)
		if (g->parts[i].state != VR_PART_GOING)
			g->parts[kept++] = g->parts[i];
	g->n_parts = kept;
}
