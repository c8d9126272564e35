/* SPDX-License-Identifier: Apache-2.0 */
/* When the entries of time series are written, and that it does not matter for what they say. */
#include "engine_rig.h"

enum { MANY = 150, MINUTE = 60000 };

static void name_of(int i, char out[8]) { snprintf(out, 8, "c%03d", i); }

static void share_all(struct engine_rig *r, int n, int64_t t)
{
	char id[8];
	for (int i = 0; i < n; i++) {
		name_of(i, id);
		rig_add(r, id, VR_ACTION_SHARE, t + i);
	}
}

/* Entries in the last cut. */
static int entries(const struct engine_rig *r)
{
	int n = 0;
	for (const char *p = r->text; (p = strstr(p, "minute c")) != NULL; p++)
		n++;
	return n;
}

/* Something is left for another cut; all of it has gone after a few. */
static bool has_changes(struct engine_rig *r, int64_t t, int *cuts)
{
	assert_true(++*cuts < 20);
	return vr_engine_has_changes(r->e, (struct vr_wall){RIG_T0 + t});
}

static void no_cut_is_larger_for_a_minute_that_ends(void **state)
{
	struct engine_rig r;
	char id[8], line[40];
	int found[MANY] = {0}, looks = 0;
	(void)state;
	rig_init(&r);
	share_all(&r, MANY, 0);
	rig_cut(&r, 1000);
	assert_int_equal(entries(&r), 0);
	rig_add(&r, "other", VR_ACTION_SHARE, MINUTE);
	while (has_changes(&r, MINUTE, &looks)) {
		rig_cut(&r, MINUTE);
		assert_in_range(entries(&r), 1, 64 + MANY / 64);
		for (int i = 0; i < MANY; i++) {
			name_of(i, id);
			snprintf(line, sizeof(line), "minute %s 0 shares=1 late=0", id);
			found[i] += rig_said(&r, line);
			snprintf(line, sizeof(line), "set content %s ", id);
			assert_true(!rig_said(&r, line) || found[i]);	/* its state, in which it waited, goes with it */
		}
	}
	assert_int_equal(looks, 4);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(found[i], 1);
	rig_done(&r);
}

/* The last of all that wait, and so not among those of the next cut. */
static void who_is_counted_again_goes_first(void **state)
{
	struct engine_rig r;
	int looks = 0;
	(void)state;
	rig_init(&r);
	share_all(&r, MANY, 0);
	rig_cut(&r, 1000);
	rig_add(&r, "other", VR_ACTION_SHARE, MINUTE);
	rig_add(&r, "c000", VR_ACTION_SHARE, MINUTE + 1);
	rig_add(&r, "c001", VR_ACTION_SHARE, 30000);		/* for the minute that is left: too late */
	rig_cut(&r, MINUTE);
	assert_said(&r, "minute c000 0 shares=1 late=0");
	assert_said(&r, "minute c001 0 shares=1 late=0");
	rig_add(&r, "c001", VR_ACTION_SHARE, MINUTE + 2);
	rig_add(&r, "c002", VR_ACTION_SHARE, 2 * MINUTE);	/* it may wait over more than one minute */
	rig_add(&r, "c003", VR_ACTION_SHARE, 2 * MINUTE);
	while (has_changes(&r, 2 * MINUTE, &looks)) {
		rig_cut(&r, 2 * MINUTE);
		if (rig_said(&r, "minute c000"))
			assert_said(&r, "minute c000 60000 shares=1 late=0");
		if (rig_said(&r, "minute c001"))
			assert_said(&r, "minute c001 60000 shares=1 late=1");
		assert_unsaid(&r, "minute c002 120000");
	}
	rig_done(&r);
}

static void one_that_waits_outlives_a_crash(void **state)
{
	struct engine_rig r;
	int found = 0, looks = 0;
	(void)state;
	rig_init(&r);
	share_all(&r, MANY, 0);
	rig_cut(&r, 1000);
	rig_add(&r, "other", VR_ACTION_SHARE, MINUTE);
	rig_cut(&r, MINUTE);
	found = entries(&r);
	assert_in_range(found, 1, MANY - 1);
	rig_drop(&r);
	assert_int_equal(rig_reborn(&r), VR_OK);
	for (int i = 0; i < MANY; i++) {
		char id[8];
		name_of(i, id);
		assert_int_equal(rig_want(&r, vr_str_c(id)), VR_OK);
	}
	assert_true(vr_engine_check(r.e));
	while (has_changes(&r, MINUTE, &looks)) {
		rig_cut(&r, MINUTE);
		found += entries(&r);
	}
	assert_int_equal(found, MANY);
	rig_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cut_is_larger_for_a_minute_that_ends),
		cmocka_unit_test(who_is_counted_again_goes_first),
		cmocka_unit_test(one_that_waits_outlives_a_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
