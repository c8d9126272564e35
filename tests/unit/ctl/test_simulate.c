/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "virality/hash.h"
#include "virality/simulate.h"
#include "unit.h"

enum { N = 300000 };

static struct vr_sim *sim_of(struct vr_mem *mem, const struct vr_sim_config *c)
{
	struct vr_sim *sim = NULL;
	struct vr_diag d;

	assert_int_equal(vr_sim_new(mem, c, &sim, &d), VR_OK);
	return sim;
}

static uint64_t mix(uint64_t h, struct vr_str s)
{
	return h * UINT64_C(1099511628211) ^ vr_hash64(s);
}

static uint64_t digest(const struct vr_sim_config *c, int n)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim = sim_of(&mem, c);
	uint64_t h = 0;

	for (int i = 0; i < n; i++) {
		struct vr_event ev;

		vr_sim_next(sim, &ev);
		h = mix(mix(mix(mix(h, ev.event_id), ev.content_id), ev.content_type), ev.title);
		h = mix(mix(mix(mix(h, ev.url), ev.author_id), ev.channel), ev.actor_id);
		h = mix(mix(h, ev.parent_event_id), ev.root_event_id);
		const uint64_t numbers[] = {(uint64_t)ev.event_time.ms, (uint64_t)ev.parent_event_time.ms,
			(uint64_t)ev.deadline.ms, ev.audience_size, ev.depth, ev.count, (uint64_t)ev.action,
			(uint64_t)ev.scope * 64 + (uint64_t)ev.motive * 8 + (uint64_t)ev.tie, ev.incentivized};
		h = mix(h, (struct vr_str){(const char *)numbers, sizeof(numbers)});
	}
	vr_sim_free(sim);
	assert_int_equal(mem.used, 0);
	return h;
}

static void one_seed_is_one_stream(void **state)
{
	struct vr_sim_config a = vr_sim_config_default(), b = a;

	(void)state;
	a.duplicates = a.late = b.duplicates = b.late = 0.01;
	b.seed = 2;
	assert_true(digest(&a, 50000) == digest(&a, 50000));
	assert_true(digest(&a, 50000) != digest(&b, 50000));
	a.zipf = b.zipf = 1.05;
	assert_true(digest(&a, 50000) == digest(&a, 50000));
	assert_true(digest(&a, 50000) != digest(&b, 50000));
}

/* What is counted over a stream. */
struct tally {
	uint64_t actions[VR_ACTIONS_MAX], bought, deep, depth_max, parents, direct, weak, paid_parents;
	uint64_t audience_big, audience_small;
	int64_t first_ms, last_ms;
};

static bool is_clean(const struct vr_event *ev)
{
	const struct vr_str texts[] = {ev->event_id, ev->content_id, ev->content_type, ev->title, ev->url,
		ev->author_id, ev->channel, ev->actor_id, ev->parent_event_id, ev->root_event_id};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!vr_utf8_clean(texts[i]) || texts[i].n > 256)
			return false;
	return ev->event_id.n && ev->content_id.n && ev->channel.n && ev->actor_id.n && ev->count == 1;
}

static void count_share(struct tally *t, const struct vr_event *ev)
{
	assert_true(ev->audience_size > 0);
	assert_true(ev->scope != VR_SCOPE_UNKNOWN && ev->motive != VR_MOTIVE_UNKNOWN);
	assert_true(ev->parent_event_id.n ? ev->depth >= 2 : ev->depth == 1);
	assert_true(ev->parent_event_id.n ? !vr_str_eq(ev->root_event_id, ev->event_id) :
		vr_str_eq(ev->root_event_id, ev->event_id));
	t->bought += ev->incentivized;
	t->deep += ev->depth >= 3;
	t->depth_max = ev->depth > t->depth_max ? ev->depth : t->depth_max;
	t->parents += ev->parent_event_id.n > 0;
	t->audience_big += ev->audience_size >= 10000;
	t->audience_small += ev->audience_size <= 30;
}

static struct tally tally_of(const struct vr_sim_config *c, int n)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim = sim_of(&mem, c);
	struct tally t = {0};

	for (int i = 0; i < n; i++) {
		struct vr_event ev;

		vr_sim_next(sim, &ev);
		assert_true(is_clean(&ev));
		assert_true(ev.event_time.ms >= t.last_ms);
		assert_true(ev.parent_event_time.ms <= ev.event_time.ms);
		t.first_ms = t.first_ms ? t.first_ms : ev.event_time.ms;
		t.last_ms = ev.event_time.ms;
		t.actions[ev.action]++;
		t.weak += ev.tie == VR_TIE_WEAK;
		if (ev.action == VR_ACTION_SHARE)
			count_share(&t, &ev);
		if (ev.action == VR_ACTION_UNSHARE)
			assert_true(ev.parent_event_id.n && ev.parent_event_time.ms);
	}
	vr_sim_free(sim);
	return t;
}

static void near(double value, double wanted, double part)
{
	if (value < wanted * (1 - part) || value > wanted * (1 + part))
		fail_msg("%g is not within %g of %g", value, part, wanted);
}

static void people_look_more_than_they_share(void **state)
{
	struct vr_sim_config c = vr_sim_config_default();
	struct tally t;

	(void)state;
	c.rhythm = false;
	t = tally_of(&c, N);
	for (int a = 0; a < VR_ACTIONS_MAX; a++)
		assert_true(t.actions[a] > 0);
	assert_true(t.actions[VR_ACTION_IMPRESSION] > t.actions[VR_ACTION_VIEW]);
	assert_true(t.actions[VR_ACTION_VIEW] > t.actions[VR_ACTION_SHARE]);
	assert_true(t.actions[VR_ACTION_SHARE] > N / 20);
	assert_true(t.actions[VR_ACTION_UNSHARE] < t.actions[VR_ACTION_SHARE] / 40);
	near((double)t.actions[VR_ACTION_SHARE_CANCEL] / (double)t.actions[VR_ACTION_SHARE_INTENT], 0.38, 0.05);
	near((double)N * 1000 / (double)(t.last_ms - t.first_ms), c.rate, 0.03);
	assert_true(t.parents > t.actions[VR_ACTION_SHARE] / 4);
	assert_true(t.deep > t.actions[VR_ACTION_SHARE] / 50 && t.depth_max >= 5);
	assert_true(t.bought > 0 && t.bought < t.actions[VR_ACTION_SHARE] / 10);
	assert_true(t.audience_big > 0 && t.audience_small > t.actions[VR_ACTION_SHARE] / 5);
	assert_true(t.weak > 0);
}

static void a_day_has_its_rhythm(void **state)
{
	struct vr_sim_config c = vr_sim_config_default();
	struct vr_mem mem = vr_mem_heap();
	uint64_t hours[48] = {0};
	struct vr_sim *sim;
	struct vr_event ev;

	(void)state;
	c.rate = 3;
	c.start.ms = INT64_C(1767196800000);	/* midnight in UTC+8 less 8 h: 2025-12-31T16:00Z = 00:00+08:00 */
	sim = sim_of(&mem, &c);
	for (vr_sim_next(sim, &ev); ev.event_time.ms < c.start.ms + 48 * 3600000LL; vr_sim_next(sim, &ev))
		hours[(ev.event_time.ms - c.start.ms) / 3600000]++;
	vr_sim_free(sim);
	assert_true(hours[21] > 5 * hours[3] && hours[45] > 5 * hours[27]);
	near((double)(hours[21] + hours[45]), 2 * 3 * 3600 * 1.83, 0.1);
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* Shares of each content, most first. */
static size_t sizes_of(const struct vr_sim_config *c, int n, uint64_t *sizes, size_t cap)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim = sim_of(&mem, c);
	size_t used = 0;

	for (int i = 0; i < n; i++) {
		struct vr_event ev;
		char id[32] = {0};
		size_t number;

		vr_sim_next(sim, &ev);
		if (c->zipf <= 0 && ev.action != VR_ACTION_SHARE)
			continue;
		memcpy(id, ev.content_id.p, ev.content_id.n);
		number = strtoul(strchr(id, '-') + 1, NULL, 36);
		assert_true(number < cap);
		sizes[number]++;
	}
	vr_sim_free(sim);
	qsort(sizes, cap, sizeof(*sizes), descending);
	while (used < cap && sizes[used])
		used++;
	return used;
}

static void few_contents_get_most_shares(void **state)
{
	enum { CAP = 100000 };
	uint64_t *sizes = calloc(CAP, sizeof(*sizes)), all = 0, top = 0;
	struct vr_sim_config c = vr_sim_config_default();
	size_t used;

	(void)state;
	used = sizes_of(&c, 1000000, sizes, CAP);
	for (size_t i = 0; i < used; i++) {
		all += sizes[i];
		top += i < used / 10 ? sizes[i] : 0;
	}
	assert_true(used > 1000);
	assert_true(top > all / 2);
	assert_true(sizes[0] > 20 * sizes[used / 2]);
	assert_true(sizes[0] < all / 4);
	free(sizes);
}

static void zipf_has_its_exponent(void **state)
{
	enum { CAP = 100001, DRAWS = 1000000 };
	uint64_t *sizes = calloc(CAP, sizeof(*sizes));
	struct vr_sim_config c = vr_sim_config_default();
	double h = 0;

	(void)state;
	c.contents = CAP - 1;
	c.zipf = 1.05;
	for (int k = 1; k < CAP; k++)
		h += 1 / __builtin_pow(k, 1.05);
	(void)sizes_of(&c, DRAWS, sizes, CAP);
	near((double)sizes[0], DRAWS / h, 0.03);
	near((double)sizes[9], DRAWS / h / __builtin_pow(10, 1.05), 0.06);
	near((double)sizes[99], DRAWS / h / __builtin_pow(100, 1.05), 0.12);
	free(sizes);
}

/* Bought shares draw far fewer reshares than free ones. */
static void bought_shares_draw_nobody(void **state)
{
	enum { CAP = 1 << 21 };
	uint8_t *paid = calloc(CAP, 1);
	uint64_t n[2] = {0}, children[2] = {0};
	struct vr_sim_config c = vr_sim_config_default();
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim = sim_of(&mem, &c);

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		struct vr_event ev;
		char id[32] = {0};

		vr_sim_next(sim, &ev);
		if (ev.action != VR_ACTION_SHARE)
			continue;
		memcpy(id, ev.event_id.p, ev.event_id.n);
		paid[strtoul(strchr(id, '-') + 1, NULL, 36) % CAP] = ev.incentivized;
		n[ev.incentivized]++;
		if (!ev.parent_event_id.n)
			continue;
		memset(id, 0, sizeof(id));
		memcpy(id, ev.parent_event_id.p, ev.parent_event_id.n);
		children[paid[strtoul(strchr(id, '-') + 1, NULL, 36) % CAP]]++;
	}
	vr_sim_free(sim);
	assert_true(n[1] > 300);
	assert_true((double)children[1] / (double)n[1] < 0.6 * (double)children[0] / (double)n[0]);
	free(paid);
}

static void repeats_and_late_ones_come_when_asked(void **state)
{
	struct vr_sim_config c = vr_sim_config_default();
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim;
	uint64_t late = 0;
	int64_t newest = 0;

	(void)state;
	c.late = 0.02;
	sim = sim_of(&mem, &c);
	for (int i = 0; i < N; i++) {
		struct vr_event ev;

		vr_sim_next(sim, &ev);
		late += ev.event_time.ms < newest - 1000;
		newest = ev.event_time.ms > newest ? ev.event_time.ms : newest;
	}
	vr_sim_free(sim);
	near((double)late, N * 0.02, 0.1);
}

static void duplicates_are_the_same_to_the_byte(void **state)
{
	enum { SEEN = 200000 };
	struct vr_sim_config c = vr_sim_config_default();
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim *sim;
	uint64_t *seen = calloc(SEEN * 4, sizeof(*seen)), twice = 0, shares = 0;

	(void)state;
	c.duplicates = 0.1;
	sim = sim_of(&mem, &c);
	for (int i = 0; i < N; i++) {
		struct vr_event ev;
		uint64_t id, rest, *at;

		vr_sim_next(sim, &ev);
		if (ev.action != VR_ACTION_SHARE)
			continue;
		id = vr_hash64(ev.event_id);
		rest = mix(mix(vr_hash64(ev.content_id), ev.actor_id), ev.channel) + (uint64_t)ev.event_time.ms +
			ev.audience_size + (uint64_t)ev.motive + ev.depth;
		at = &seen[id % (SEEN * 2) * 2];
		shares++;
		twice += at[0] == id;
		if (at[0] == id)
			assert_true(at[1] == rest);
		at[0] = id;
		at[1] = rest;
	}
	vr_sim_free(sim);
	free(seen);
	near((double)twice, (double)shares * 0.1 / 1.1, 0.15);
}

static void what_is_out_of_range_is_named(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim_config c = vr_sim_config_default();
	struct vr_sim *sim = NULL;
	struct vr_diag d = {0};

	(void)state;
	c.late = 1.5;
	assert_int_equal(vr_sim_new(&mem, &c, &sim, &d), VR_E_CONFIG);
	assert_non_null(strstr(d.text, "late"));
	assert_null(sim);
	assert_int_equal(mem.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_seed_is_one_stream),
		cmocka_unit_test(people_look_more_than_they_share),
		cmocka_unit_test(a_day_has_its_rhythm),
		cmocka_unit_test(few_contents_get_most_shares),
		cmocka_unit_test(zipf_has_its_exponent),
		cmocka_unit_test(bought_shares_draw_nobody),
		cmocka_unit_test(repeats_and_late_ones_come_when_asked),
		cmocka_unit_test(duplicates_are_the_same_to_the_byte),
		cmocka_unit_test(what_is_out_of_range_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
