/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a plan in words, for people and for programs. */
#include <stdio.h>

#include "parts.h"
#include "virality/term.h"

static void print_json(const struct vr_replay *r)
{
	printf("{\"kind\":\"plan\",\"name\":\"%s\",\"new\":%s,\"from\":\"%s\",\"to\":\"%s\",\"rules\":\"%s\",\"partitions\":[", r->gen.name,
		r->is_new ? "true" : "false", r->gen.from, r->gen.to, vr_generation_rules_name(r->gen.rules));
	for (size_t i = 0; i < r->gen.n; i++) {
		const struct vr_generation_part *p = &r->gen.part[i];
		printf("%s{\"topic\":\"%s\",\"partition\":%d,\"first\":%lld,\"end\":%lld,\"gap\":%lld,\"gap_at_most\":%s}", i ? "," : "", p->topic,
			p->partition, (long long)p->first, (long long)p->end, (long long)p->gap, p->gap_at_most ? "true" : "false");
	}
	putchar(']');
	if (r->memory.known)
		printf(",\"memory\":{\"needed_bytes\":%.0f,\"allowed_bytes\":%.0f,\"used_bytes\":%.0f}", r->memory.need, r->memory.most,
			r->memory.used);
	puts("}");
	fflush(stdout);
}

static const char *explain_rules(const struct vr_replay *r)
{
	static const char *const text[] = {"those that live had at each offset", "the given file, throughout", "its own, throughout"};
	return text[r->gen.rules];
}

static void print_gap(const struct vr_generation_part *p)
{
	if (p->gap)
		printf("%s:%d: %s%lld records below offset %lld are no longer in Kafka (retention)\n", p->topic, p->partition,
			p->gap_at_most ? "at most " : "", (long long)p->gap, (long long)p->first);
}

static void print_memory(const struct vr_replay_memory *m)
{
	if (m->known)
		printf("memory: about %.0f MiB more; Redis uses %.0f of %.0f MiB (%s)\n", m->need / 1048576, m->used / 1048576, m->most / 1048576,
			m->bounded ? "maxmemory" : "the machine's");
}

void vr_replay_print(const struct vr_replay *r)
{
	struct vr_arena arena;
	struct vr_mem mem = vr_mem_heap();
	int64_t records = 0;
	if (r->options->json) {
		print_json(r);
		return;
	}
	vr_arena_init(&arena, &mem, 0);
	for (size_t i = 0; i < r->gen.n; i++)
		records += r->gen.part[i].end - r->gen.part[i].first;
	struct vr_str text = vr_ctl_number(&arena, records);
	printf("generation %s (%s) in database %d, beside %s in database %d\n", r->gen.name,
		r->options->dry_run ? "dry run" : r->is_new ? "new" : vr_generation_state_name(r->gen.state), r->spare_db, r->live_name,
		r->keys.live_db);
	printf("from %s to %s: %.*s offsets of %zu partitions\n", r->gen.from, r->gen.to, (int)text.n, text.p, r->gen.n);
	printf("rules: %s\n", explain_rules(r));
	for (size_t i = 0; i < r->gen.n; i++)
		print_gap(&r->gen.part[i]);
	print_memory(&r->memory);
	fflush(stdout);
	vr_arena_done(&arena);
}
