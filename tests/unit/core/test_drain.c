/* SPDX-License-Identifier: Apache-2.0 */
/* Views that nobody looks at yet: they wait, and then all come. When views drain is the golden tests' business. */
#include "engine_rig.h"

static uint64_t views_that_wait(const struct engine_rig *r)
{
	struct vr_engine_facts f;
	vr_engine_facts(r->e, &f);
	return f.views_wait;
}

static void views_wait_until_somebody_looks(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_drop(&r);
	r.config.max_contents = 1;
	assert_int_equal(rig_born(&r), VR_OK);
	assert_int_equal(vr_engine_views(r.e, VR_VIEWS_WAIT), VR_OK);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_add(&r, "b", VR_ACTION_SHARE, 1);
	rig_add(&r, "c", VR_ACTION_SHARE, 60002);	/* minutes are over, windows empty */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_try_cut(&r, 90000, 100, false), VR_OK);
		assert_unsaid(&r, "view");
	}
	assert_false(vr_engine_evict(r.e));
	assert_true(vr_engine_has(r.e, VR_STR("a")));	/* full, but nobody has seen it */
	assert_true(vr_engine_views_wait(r.e));
	assert_int_equal(vr_engine_views(r.e, VR_VIEWS_COME), VR_OK);
	assert_int_equal(views_that_wait(&r), 3);
	assert_int_equal(rig_try_cut(&r, 90000, 2, false), VR_OK);
	assert_int_equal(views_that_wait(&r), 1);
	assert_true(vr_engine_check(r.e));
	assert_true(vr_engine_views_wait(r.e));
	rig_add(&r, "d", VR_ACTION_SHARE, 90001);	/* is shown as ever */
	assert_int_equal(rig_try_cut(&r, 90002, 100, false), VR_OK);
	assert_said(&r, "view c d shares_total=1");
	assert_false(vr_engine_views_wait(r.e));
	assert_int_equal(vr_engine_views(r.e, VR_VIEWS_SHOWN), VR_OK);
	assert_false(vr_engine_has_changes(r.e, (struct vr_wall){RIG_T0 + 90002}));
	rig_done(&r);
}

static void what_is_loaded_while_views_come_has_waited(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_add(&r, "a", VR_ACTION_SHARE, 0);
	rig_cut(&r, 0);
	rig_drop(&r);
	assert_int_equal(rig_reborn(&r), VR_OK);
	assert_int_equal(vr_engine_views(r.e, VR_VIEWS_WAIT), VR_OK);
	assert_int_equal(vr_engine_views(r.e, VR_VIEWS_COME), VR_OK);
	assert_false(vr_engine_views_wait(r.e));
	assert_int_equal(rig_want(&r, VR_STR("a")), VR_OK);
	assert_int_equal(views_that_wait(&r), 1);
	assert_int_equal(rig_try_cut(&r, 0, 100, false), VR_OK);
	assert_said(&r, "view c a shares_total=1");
	assert_int_equal(views_that_wait(&r), 0);
	rig_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_wait_until_somebody_looks),
		cmocka_unit_test(what_is_loaded_while_views_come_has_waited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
