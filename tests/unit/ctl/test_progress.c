/* SPDX-License-Identifier: Apache-2.0 */
/* Where standard error is a file: lines for people now and then, objects for programs more often. */
#include <stdio.h>
#include <unistd.h>
#include "virality/progress.h"
#include "unit.h"

enum { CALLS = 64, TOTAL = 1000000 };	/* the clock is read once in so many calls */

static char said[4096];

/* What it says when so long ago it said something, at `done` of TOTAL. */
static const char *say(bool json, bool silent, int64_t ago_ms, uint64_t done)
{
	FILE *file = tmpfile();
	int old = dup(STDERR_FILENO);
	struct vr_progress p;

	assert_non_null(file);
	vr_progress_start(&p, "who", TOTAL, silent);
	p.json = json;
	p.bar = false;
	p.shown.ms -= ago_ms;
	fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	for (int i = 0; i < CALLS; i++)
		vr_progress_step(&p, done, 2 * done, (struct vr_wall){1341394200000});
	vr_progress_end(&p);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(old);
	rewind(file);
	said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
	fclose(file);
	return said;
}

static void a_line_tells_percent_events_and_time(void **state)
{
	(void)state;
	say(false, false, 5000000, 250000);
	assert_ptr_equal(strstr(said, "who: 25.0%  500000 events  "), said);
	assert_non_null(strstr(said, "  at 2012-07-04 09:30:00\n"));
	/* A quarter in 5000 s: the rest takes 15000 s; 500000 events are 100 a second. */
	assert_non_null(strstr(said, "  100 events/s  ETA 4:1"));
}

static void an_object_tells_the_same(void **state)
{
	(void)state;
	say(true, false, 5000000, 250000);
	assert_ptr_equal(strstr(said, "{\"kind\":\"progress\",\"percent\":25.0,\"events\":500000,\"events_per_second\":100,\"eta_s\":15"), said);
	assert_non_null(strstr(said, ",\"event_time_ms\":1341394200000}\n"));
}

static void it_is_not_said_too_often(void **state)
{
	(void)state;
	assert_string_equal(say(false, false, 2000, 250000), "");
	assert_string_not_equal(say(true, false, 2000, 250000), "");
	assert_string_equal(say(true, false, 0, 250000), "");
	assert_string_equal(say(false, true, 5000000, 250000), "");
	assert_string_equal(say(true, true, 5000000, 250000), "");
}

static void more_than_all_is_all(void **state)
{
	(void)state;
	say(true, false, 5000000, 2 * TOTAL);
	assert_non_null(strstr(said, "\"percent\":100.0,"));
	assert_non_null(strstr(said, "\"eta_s\":0,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_tells_percent_events_and_time),
		cmocka_unit_test(an_object_tells_the_same),
		cmocka_unit_test(it_is_not_said_too_often),
		cmocka_unit_test(more_than_all_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
