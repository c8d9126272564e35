/* SPDX-License-Identifier: Apache-2.0 */
/* Partials and boards of several partitions into one picture. */
#include "engine_rig.h"
#include "fail_pool.h"
#include "virality/merge.h"

static struct vr_merge *merge_of(struct vr_mem *mem, uint32_t top_n, uint32_t top_channels)
{
	struct vr_merge_config config = {.windows = {.n = 2, .width_ms = {2000, 10000}, .name = {"1m", "5m"}},
		.top_n = top_n, .top_channels = top_channels};
	struct vr_merge *m;
	*mem = vr_mem_heap();
	assert_int_equal(vr_merge_new(&config, mem, &m), VR_OK);
	return m;
}

static enum vr_err try_slots(struct vr_merge *m, const struct engine_rig *r)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < RIG_ROWS && !err; i++) {
		const struct rig_row *row = &r->row[i];
		if (row->used && (row->slot == VR_SLOT_PARTIAL || row->slot == VR_SLOT_BOARD))
			err = vr_merge_slot(m, row->slot, vr_str_c(row->id), (struct vr_str){row->value, row->n});
	}
	return err;
}

/* The partition as its last cut left it. */
static void add_part(struct vr_merge *m, struct engine_rig *r, int64_t view)
{
	assert_int_equal(rig_try_cut(r, view, 1000, true), VR_OK);
	vr_merge_part(m, (struct vr_wall){RIG_T0 + view}, true);
	assert_int_equal(try_slots(m, r), VR_OK);
}

struct wanted { const char *name; uint64_t value; bool found; };

static void look(void *ctx, struct vr_str name, uint64_t value)
{
	struct wanted *w = ctx;
	if (!vr_str_eq(name, vr_str_c(w->name)))
		return;
	w->value = value;
	w->found = true;
}

static uint64_t figure(struct vr_merge *m, size_t entity, const char *name)
{
	struct wanted w = {.name = name};
	vr_merge_fields(m, entity, look, &w);
	assert_true(w.found);
	return w.value;
}

static void done(struct vr_merge *m, const struct vr_mem *mem)
{
	vr_merge_free(m);
	assert_int_equal(mem->used, 0);
}

static void nothing_at_all(void **state)
{
	struct vr_mem mem;
	struct vr_merge *m = merge_of(&mem, 3, 2);
	const struct vr_merge_row *row;
	struct vr_merge_told told = {.minute = INT64_MIN};
	struct vr_merge_minute minute;
	(void)state;
	vr_merge_part(m, (struct vr_wall){RIG_T0}, false);
	assert_int_equal(vr_merge_done(m), VR_OK);
	assert_int_equal(vr_merge_as_of(m).ms, 0);
	assert_int_equal(vr_merge_spread(m).ms, 0);
	assert_int_equal(vr_merge_entities(m), 1);
	assert_true(vr_str_eq(vr_merge_name(m, 0), VR_STR("_all")));
	assert_int_equal(vr_merge_board(m, 0, 0, &row), 0);
	assert_false(vr_merge_next_minute(m, 0, &told, &minute));
	done(m, &mem);
}

static void two_partitions_are_read_at_one_time(void **state)
{
	struct engine_rig one, two;
	struct vr_mem mem;
	struct vr_merge *m = merge_of(&mem, 3, 2);
	const struct vr_merge_row *row;
	(void)state;
	rig_init(&one);
	rig_init(&two);
	rig_add(&one, "a", VR_ACTION_SHARE, 0);
	rig_add(&one, "b", VR_ACTION_SHARE, 0);
	rig_add(&two, "c", VR_ACTION_SHARE, 60000);
	rig_add(&two, "c", VR_ACTION_SHARE, 60000);
	add_part(m, &one, 0);
	add_part(m, &two, 60000);
	assert_int_equal(vr_merge_done(m), VR_OK);
	assert_int_equal(vr_merge_as_of(m).ms, RIG_T0 + 60000);
	assert_int_equal(vr_merge_spread(m).ms, 60000);
	assert_false(vr_merge_has_other(m));
	assert_int_equal(vr_merge_entities(m), 2);
	assert_int_equal(figure(m, 0, "shares_total"), 4);
	assert_int_equal(figure(m, 0, "shares_1m"), 2);
	assert_int_equal(figure(m, 1, "shares_5m"), 4);
	/* A board's rows hold for their own partition's view time: equals by id, falling; the best three. */
	assert_int_equal(vr_merge_board(m, 0, 0, &row), 3);
	assert_true(vr_str_eq(row[0].id, VR_STR("c")));
	assert_true(vr_str_eq(row[1].id, VR_STR("b")));
	assert_true(vr_str_eq(row[2].id, VR_STR("a")));
	assert_int_equal(row[0].recent, 2);
	rig_done(&one);
	rig_done(&two);
	done(m, &mem);
}

static void boards_go_to_the_channels_with_most_shares(void **state)
{
	struct engine_rig r;
	struct vr_mem mem;
	struct vr_merge *m = merge_of(&mem, 3, 2);
	static const char *const names[] = {"x", "y", "z", "liked"};
	(void)state;
	rig_init(&r);
	for (unsigned i = 0; i < 4; i++) {
		struct vr_event ev = rig_event("a", i < 3 ? VR_ACTION_SHARE : VR_ACTION_LIKE, i);
		struct vr_outcome o;
		ev.channel = vr_str_c(names[i]);
		ev.count = i + 1;
		assert_int_equal(rig_fold(&r, &ev, i, &o), VR_OK);
	}
	add_part(m, &r, 0);
	assert_int_equal(vr_merge_done(m), VR_OK);
	assert_int_equal(vr_merge_entities(m), 5);
	for (size_t i = 0; i < 5; i++) {
		struct vr_str name = vr_merge_name(m, i);
		bool has = vr_str_eq(name, VR_STR("_all")) || vr_str_eq(name, VR_STR("y")) || vr_str_eq(name, VR_STR("z"));
		assert_int_equal(vr_merge_has_board(m, i), has);
	}
	rig_done(&r);
	done(m, &mem);
}

/* ---- minutes ---- */

static struct vr_merge *remerge(struct vr_mem *mem, struct engine_rig *r, int64_t view)
{
	struct vr_merge *m = merge_of(mem, 3, 2);
	add_part(m, r, view);
	assert_int_equal(vr_merge_done(m), VR_OK);
	return m;
}

static void minutes_are_told_once_and_late_ones_with_the_next(void **state)
{
	struct engine_rig r;
	struct vr_mem mem;
	struct vr_merge_told told = {.minute = INT64_MIN};
	struct vr_merge_minute minute;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_add(&r, "a", VR_ACTION_LIKE, 1);
	struct vr_merge *m = remerge(&mem, &r, 59999);
	assert_false(vr_merge_next_minute(m, 0, &told, &minute));	/* it is open */
	done(m, &mem);
	m = remerge(&mem, &r, 60000);
	assert_true(vr_merge_next_minute(m, 0, &told, &minute));
	assert_int_equal(minute.minute, RIG_T0 / 60000);
	assert_int_equal(minute.count[VR_ACTION_SHARE], 1);
	assert_int_equal(minute.count[VR_ACTION_LIKE], 1);
	assert_int_equal(minute.late, 0);
	assert_false(vr_merge_next_minute(m, 0, &told, &minute));
	done(m, &mem);
	rig_add(&r, "a", VR_ACTION_SHARE, 120000);
	rig_add(&r, "a", VR_ACTION_SHARE, 2);		/* its minute was told */
	rig_add(&r, "a", VR_ACTION_SHARE, 60000);	/* its minute was not */
	rig_add(&r, "a", VR_ACTION_SHARE, 180000);
	m = remerge(&mem, &r, 180000);
	assert_true(vr_merge_next_minute(m, 0, &told, &minute));
	assert_int_equal(minute.minute, RIG_T0 / 60000 + 1);
	assert_int_equal(minute.count[VR_ACTION_SHARE], 1);
	assert_int_equal(minute.late, 1);
	assert_true(vr_merge_next_minute(m, 0, &told, &minute));
	assert_int_equal(minute.count[VR_ACTION_SHARE], 1);
	assert_int_equal(minute.late, 0);
	assert_false(vr_merge_next_minute(m, 0, &told, &minute));
	assert_int_equal(told.sum, 5);
	done(m, &mem);
	rig_done(&r);
}

/* ---- failures ---- */

static void what_no_cut_wrote_is_corrupt(void **state)
{
	struct vr_mem mem;
	struct vr_merge *m = merge_of(&mem, 3, 2);
	(void)state;
	assert_int_equal(vr_merge_slot(m, VR_SLOT_PARTIAL, VR_STR("qq"), VR_STR("\x07")), VR_E_CORRUPT);
	assert_int_equal(vr_merge_slot(m, VR_SLOT_PARTIAL, VR_STR("qq"), VR_STR("")), VR_E_CORRUPT);
	assert_int_equal(vr_merge_slot(m, VR_SLOT_BOARD, VR_STR("qq"), VR_STR("\x01\x00\x09\x05")), VR_E_CORRUPT);
	done(m, &mem);
}

static void every_block_may_be_refused(void **state)
{
	struct engine_rig r;
	size_t granted = 0;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_add(&r, "b", VR_ACTION_LIKE, 0);
	assert_int_equal(rig_try_cut(&r, 0, 10, true), VR_OK);
	for (enum vr_err err = VR_E_NOMEM; err; granted++) {
		struct vr_mem mem;
		struct vr_merge *m = merge_of(&mem, 3, 2);
		fail_pool_left = granted;
		err = try_slots(m, &r);
		if (!err)
			err = vr_merge_done(m);
		fail_pool_left = SIZE_MAX;
		assert_true(err == VR_OK || err == VR_E_NOMEM);
		done(m, &mem);
	}
	assert_true(granted > 10);
	rig_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(two_partitions_are_read_at_one_time),
		cmocka_unit_test(boards_go_to_the_channels_with_most_shares),
		cmocka_unit_test(minutes_are_told_once_and_late_ones_with_the_next),
		cmocka_unit_test(what_no_cut_wrote_is_corrupt),
		cmocka_unit_test(every_block_may_be_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
