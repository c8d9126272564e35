/* SPDX-License-Identifier: Apache-2.0 */
/* What a cut writes and when, what comes and goes in memory. What the figures
 * are is the golden tests' business.                                                              */
#include "engine_rig.h"

/* ---- cut, committed, dirty ---- */

static void a_cut_writes_what_changed_and_no_more(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	assert_false(vr_engine_has_changes(r.e, (struct vr_wall){RIG_T0}));
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_add(&r, "b", VR_ACTION_LIKE, 1);
	assert_int_equal(vr_engine_dirty(r.e), 2);
	assert_true(vr_engine_has_changes(r.e, (struct vr_wall){RIG_T0}));
	rig_cut(&r, 0);
	assert_said(&r, "set content a");
	assert_said(&r, "set content b");
	assert_said(&r, "set partial _all");
	assert_said(&r, "view c a home=t:0");
	assert_said(&r, "view c a shares_total=1");
	assert_said(&r, "rank index a 400000");
	assert_unsaid(&r, "timers");
	assert_int_equal(vr_engine_dirty(r.e), 0);
	assert_false(vr_engine_has_changes(r.e, (struct vr_wall){RIG_T0 + 2}));
	rig_add(&r, "a", VR_ACTION_SHARE, 2);
	rig_cut(&r, 0);
	assert_said(&r, "view c a shares_total=2");
	assert_unsaid(&r, "home=");
	assert_unsaid(&r, "content_id");
	assert_unsaid(&r, "first_ms");
	assert_unsaid(&r, " b ");
	assert_unsaid(&r, "rank index");
	rig_cut(&r, 0);
	assert_string_equal(r.text, "");
	rig_done(&r);
}

static void what_was_not_committed_is_written_again(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	struct vr_store store = rig_store(&r);
	struct vr_cut_limits l = {.view = {RIG_T0}};
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	assert_int_equal(vr_engine_cut(r.e, &l, &store), VR_OK);
	assert_int_equal(vr_engine_dirty(r.e), 1);
	assert_int_equal(vr_engine_cut(r.e, &l, &store), VR_OK);
	char *second = strstr(strstr(r.text, "set content a") + 1, "set content a");
	assert_non_null(second);
	vr_engine_committed(r.e);
	assert_int_equal(vr_engine_dirty(r.e), 0);
	rig_done(&r);
}

static void boards_are_written_when_asked_for(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	assert_unsaid(&r, "board");
	assert_int_equal(rig_try_cut(&r, 0, 0, true), VR_OK);
	assert_said(&r, "set board _all");
	assert_said(&r, "set board qq");
	assert_said(&r, "set board _trend");
	rig_done(&r);
}

/* ---- draining ---- */

/* Moments from `from` on, in steps of 100 ms, at which a cut writes something. */
static size_t drains_until(struct engine_rig *r, int64_t from, int64_t to, int64_t *first, int64_t *last)
{
	size_t n = 0;
	for (int64_t t = from; t <= to; t += 100) {
		rig_cut(r, t);
		if (r->n == 0)
			continue;
		*first = n == 0 ? t : *first;
		assert_true(n == 0 || t - *last >= 1000);
		*last = t;
		n++;
	}
	return n;
}

static void views_drain_by_view_time_alone(void **state)
{
	struct engine_rig r;
	int64_t first = 0, last = 0;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	/* The bucket leaves 1m at 60 s and 5m at 300 s: each is told at most a bucket's width later. */
	assert_int_equal(drains_until(&r, 0, 61999, &first, &last), 1);
	assert_in_range(first, 60000, 61999);
	assert_int_equal(drains_until(&r, 62000, 310000, &first, &last), 1);
	assert_in_range(first, 300000, 310000);
	assert_int_equal(drains_until(&r, 310000, 400000, &first, &last), 0);
	assert_false(vr_engine_has_changes(r.e, (struct vr_wall){INT64_MAX / 2}));
	rig_done(&r);
}

static void drained_fields_are_told_with_their_time(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	assert_true(vr_engine_has_changes(r.e, (struct vr_wall){RIG_T0 + 62000}));
	rig_cut(&r, 62000);
	assert_said(&r, "view c a shares_1m=0");
	assert_said(&r, "view c a share_velocity=0.000000");
	assert_said(&r, "view c a as_of_ms=1440000062000");
	assert_unsaid(&r, "shares_total");
	assert_unsaid(&r, "shares_5m");
	assert_unsaid(&r, "set content");
	rig_done(&r);
}

static void drains_are_spread_and_limited(void **state)
{
	struct engine_rig r;
	char id[8];
	size_t seen = 0, most = 0;
	(void)state;
	rig_init(&r);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "c%d", i);
		rig_add(&r, id, VR_ACTION_SHARE, 0);
	}
	rig_cut(&r, 0);
	for (int64_t t = 60000; t <= 62000; t += 100) {
		size_t n = 0;
		assert_int_equal(rig_try_cut(&r, t, 10, false), VR_OK);
		for (const char *p = r.text; (p = strstr(p, "shares_1m=0")) != NULL; p++)
			n++;
		assert_true(n <= 10);
		most = n > most ? n : most;
		seen += n;
	}
	assert_true(seen > 90 && most < 100);
	rig_cut(&r, 62100);
	rig_done(&r);
}

/* ---- memory's cap ---- */

static void eviction_spares_what_is_needed(void **state)
{
	struct engine_rig r;
	char id[8];
	(void)state;
	rig_init(&r);
	rig_drop(&r);
	r.config.max_contents = 10;
	r.config.ts_min_events = 100;
	assert_int_equal(rig_born(&r), VR_OK);
	for (int i = 0; i < 30; i++) {
		(void)snprintf(id, sizeof(id), "c%02d", i);
		rig_add(&r, id, VR_ACTION_SHARE, i);
	}
	assert_false(vr_engine_evict(r.e));	/* all are dirty */
	rig_cut(&r, 0);
	assert_true(vr_engine_evict(r.e));	/* some had counts */
	assert_true(vr_engine_check(r.e));
	struct vr_engine_facts f;
	vr_engine_facts(r.e, &f);
	assert_int_equal(f.contents, 9);
	assert_int_equal(f.evicted, 21);
	assert_false(vr_engine_has(r.e, VR_STR("c00")));
	rig_add(&r, "c00", VR_ACTION_SHARE, 40);
	rig_cut(&r, 0);
	assert_said(&r, "view c c00 shares_total=2");
	rig_done(&r);
}

static void without_a_cap_nothing_goes(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	assert_false(vr_engine_evict(r.e));
	assert_true(vr_engine_has(r.e, VR_STR("a")));
	rig_done(&r);
}

enum { CONTENTS = 20000, BYTES_MOST = 1000 };

/* A million contents that were seen once fit into a gigabyte. */
static void a_content_seen_once_is_small(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_engine_config config = {
		.topic = VR_STR("t"), .retention = {VR_HOUR_MS}, .channels_max = 16, .views_min_events = 1,
		.ts_min_events = 20, .board_size = 100,
		.windows = {.n = 4, .width_ms = {2000, 10000, 120000, 2880000}, .name = {"1m", "5m", "1h", "24h"}},
	};
	struct engine_rig r = {.mem = mem, .config = config};
	struct vr_engine_facts f;
	char id[32];
	(void)state;
	assert_int_equal(rig_born(&r), VR_OK);
	for (int i = 0; i < CONTENTS; i++) {
		struct vr_outcome o;
		(void)snprintf(id, sizeof(id), "article-%08d", i);
		struct vr_event ev = rig_event(id, VR_ACTION_SHARE, i);
		ev.event_id = ev.actor_id = vr_str_c(id);
		assert_int_equal(rig_fold(&r, &ev, i, &o), VR_OK);
	}
	vr_engine_facts(r.e, &f);
	assert_int_equal(f.contents, CONTENTS);
	assert_in_range(f.bytes / CONTENTS, 1, BYTES_MOST);
	vr_engine_free(r.e);
	assert_int_equal(r.mem.used, 0);
}

/* ---- forgetting ---- */

static void what_is_forgotten_is_wiped(void **state)
{
	struct engine_rig r;
	struct vr_outcome o;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	assert_int_equal(rig_fold(&r, NULL, 3 * VR_HOUR_MS, &o), VR_OK);
	assert_int_equal(o.fate, VR_FATE_PASSED);
	rig_cut(&r, 0);
	assert_said(&r, "unview a");
	assert_said(&r, "del content a");
	assert_said(&r, "del uniques a");
	assert_said(&r, "del channels a");
	assert_said(&r, "del index a");
	assert_unsaid(&r, "set content");
	assert_false(vr_engine_evict(r.e));
	assert_false(vr_engine_has(r.e, VR_STR("a")));
	rig_done(&r);
}

static void a_batch_survives_a_cut_that_forgets(void **state)
{
	struct engine_rig r;
	struct vr_outcome o;
	bool at_hand;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	/* The batch: a record that forgets a, and one of a, whose content is wanted before both. */
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	assert_true(at_hand);
	assert_int_equal(rig_fold(&r, NULL, 3 * VR_HOUR_MS, &o), VR_OK);
	rig_cut(&r, 0);
	struct vr_event ev = rig_event("a", VR_ACTION_LIKE, 3 * VR_HOUR_MS);
	struct vr_record record = {.offset = 7, .kafka_time = {RIG_T0 + 3 * VR_HOUR_MS}, .event = &ev};
	assert_int_equal(vr_engine_fold(r.e, &record, &o), VR_OK);
	assert_true(vr_engine_check(r.e));
	rig_cut(&r, 0);
	assert_said(&r, "view c a likes_total=1");
	assert_unsaid(&r, "shares_total");
	assert_unsaid(&r, "unview");
	assert_false(vr_engine_evict(r.e));
	assert_true(vr_engine_has(r.e, VR_STR("a")));
	rig_done(&r);
}

static void a_refused_record_leaves_no_content(void **state)
{
	struct engine_rig r;
	struct vr_outcome o;
	struct vr_engine_facts f;
	(void)state;
	rig_init(&r);
	struct vr_event ev = rig_event("ahead", VR_ACTION_SHARE, 900000);
	assert_int_equal(rig_fold(&r, &ev, 0, &o), VR_OK);
	assert_int_equal(o.fate, VR_FATE_REFUSED);
	assert_int_equal(o.refused, VR_E_TIME_AHEAD);
	assert_false(vr_engine_evict(r.e));
	vr_engine_facts(r.e, &f);
	assert_int_equal(f.contents, 0);
	rig_done(&r);
}

/* ---- views again ---- */

static void reshow_writes_the_whole_view(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	vr_engine_reshow(r.e, VR_STR("a"));
	vr_engine_reshow(r.e, VR_STR("never seen"));
	assert_int_equal(vr_engine_dirty(r.e), 1);
	rig_cut(&r, 0);
	assert_said(&r, "view c a content_id=a");
	assert_said(&r, "view c a shares_total=1");
	assert_said(&r, "view c a max_depth=1");
	assert_said(&r, "view channels a qq=1");
	rig_done(&r);
}

static void views_wait_for_views_min_events(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_drop(&r);
	r.config.views_min_events = 2;
	assert_int_equal(rig_born(&r), VR_OK);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	assert_said(&r, "set content a");
	assert_unsaid(&r, "view");
	rig_add(&r, "a", VR_ACTION_LIKE, 1);
	rig_cut(&r, 0);
	assert_said(&r, "view c a shares_total=1");
	assert_said(&r, "view c a content_id=a");
	rig_done(&r);
}

/* ---- wanting and loading ---- */

static void wanting_twice_lists_once(void **state)
{
	struct engine_rig r;
	bool at_hand = true, more;
	(void)state;
	rig_init(&r);
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	assert_false(at_hand);
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	assert_false(at_hand);
	assert_int_equal(vr_engine_wanted(r.e), 1);
	assert_false(vr_engine_has(r.e, VR_STR("a")));
	struct vr_loaded none = {0};
	assert_int_equal(vr_engine_load(r.e, 0, &none, &more), VR_OK);
	assert_int_equal(vr_engine_load(r.e, 0, &none, &more), VR_OK);	/* again: nothing */
	assert_false(more);
	vr_engine_loaded_all(r.e);
	assert_int_equal(vr_engine_wanted(r.e), 0);
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	assert_true(at_hand);
	assert_true(vr_engine_check(r.e));
	rig_done(&r);
}

static void unreadable_state_is_corrupt(void **state)
{
	struct engine_rig r;
	bool at_hand, more;
	(void)state;
	rig_init(&r);
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	struct vr_loaded l = {.has_state = true, .state = VR_STR("\x01\x04 cut off")};
	assert_int_equal(vr_engine_load(r.e, 0, &l, &more), VR_E_CORRUPT);
	assert_int_equal(vr_engine_restore(r.e, VR_SLOT_PARTIAL, VR_STR("qq"), VR_STR("x")), VR_E_CORRUPT);
	assert_int_equal(vr_engine_restore(r.e, VR_SLOT_DEDUP, VR_STR("minute"), VR_STR("")), VR_E_CORRUPT);
	assert_int_equal(vr_engine_restore(r.e, VR_SLOT_DEDUP, VR_STR("24000000"), VR_STR("x")), VR_E_CORRUPT);
	assert_int_equal(vr_engine_restore(r.e, VR_SLOT_RULES, VR_STR(""), VR_STR("\x05")), VR_E_CORRUPT);
	assert_int_equal(vr_engine_restore(r.e, VR_SLOT_TIMERS, VR_STR(""), VR_STR("")), VR_E_CORRUPT);
	rig_done(&r);
}

static void state_that_reached_the_stored_offset_is_corrupt(void **state)
{
	struct engine_rig r;
	bool at_hand, more;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_add(&r, "a", VR_ACTION_LIKE, 1);
	rig_cut(&r, 0);
	for (int64_t off = 0; off < 4; off++) {
		const struct rig_row *row = rig_row(&r, VR_SLOT_CONTENT, VR_STR("a"), false);
		rig_drop(&r);
		assert_int_equal(rig_reborn(&r), VR_OK);
		assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
		struct vr_loaded l = {.has_state = true, .state = {row->value, row->n}, .off_known = true, .off = off};
		assert_int_equal(vr_engine_load(r.e, 0, &l, &more), off < 2 ? VR_E_CORRUPT : VR_OK);
	}
	vr_engine_loaded_all(r.e);
	rig_done(&r);
}

static void home_is_what_was_told_first(void **state)
{
	struct engine_rig r;
	bool at_hand, more;
	(void)state;
	rig_init(&r);
	assert_int_equal(vr_engine_want(r.e, VR_STR("a"), &at_hand), VR_OK);
	struct vr_loaded l = {.home_known = true};
	assert_int_equal(vr_engine_load(r.e, 0, &l, &more), VR_OK);
	vr_engine_loaded_all(r.e);
	assert_true(rig_add(&r, "a", VR_ACTION_SHARE, 0).miskeyed);
	assert_int_equal(rig_try_cut(&r, 0, 10, true), VR_OK);
	assert_said(&r, "set content a");
	assert_said(&r, "set partial qq");
	assert_unsaid(&r, "view");
	rig_drop(&r);
	/* The state remembers, whatever is told now. */
	assert_int_equal(rig_reborn(&r), VR_OK);
	assert_true(rig_add(&r, "a", VR_ACTION_SHARE, 1).miskeyed);
	rig_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_writes_what_changed_and_no_more),
		cmocka_unit_test(what_was_not_committed_is_written_again),
		cmocka_unit_test(boards_are_written_when_asked_for),
		cmocka_unit_test(views_drain_by_view_time_alone),
		cmocka_unit_test(drained_fields_are_told_with_their_time),
		cmocka_unit_test(drains_are_spread_and_limited),
		cmocka_unit_test(eviction_spares_what_is_needed),
		cmocka_unit_test(without_a_cap_nothing_goes),
		cmocka_unit_test(a_content_seen_once_is_small),
		cmocka_unit_test(what_is_forgotten_is_wiped),
		cmocka_unit_test(a_batch_survives_a_cut_that_forgets),
		cmocka_unit_test(a_refused_record_leaves_no_content),
		cmocka_unit_test(reshow_writes_the_whole_view),
		cmocka_unit_test(views_wait_for_views_min_events),
		cmocka_unit_test(wanting_twice_lists_once),
		cmocka_unit_test(unreadable_state_is_corrupt),
		cmocka_unit_test(state_that_reached_the_stored_offset_is_corrupt),
		cmocka_unit_test(home_is_what_was_told_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
