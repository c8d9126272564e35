/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include "virality/import.h"
#include "unit.h"

enum { FILES_MAX = 4 };

/* Files of one test, in a directory of their own. */
struct fixture {
	struct vr_mem mem;
	char dir[32], paths[FILES_MAX][64];
	const char *files[FILES_MAX];
	struct vr_import_config config;
	struct vr_import *imp;
	struct vr_diag d;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = vr_mem_heap();
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/vr-import-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->config.files = f->files;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	bool clean;

	vr_import_free(f->imp);
	clean = f->mem.used == 0;
	for (size_t i = 0; i < f->config.n_files; i++)
		(void)unlink(f->paths[i]);
	(void)rmdir(f->dir);
	free(f);
	return clean ? 0 : -1;
}

static void add_file(struct fixture *f, const char *text, bool gzip)
{
	size_t i = f->config.n_files++;
	gzFile out;

	(void)snprintf(f->paths[i], sizeof(f->paths[i]), "%s/%zu.ndjson", f->dir, i);
	f->files[i] = f->paths[i];
	out = gzopen(f->paths[i], gzip ? "wb" : "wbT");
	assert_non_null(out);
	assert_true(gzputs(out, text) >= 0);
	assert_int_equal(gzclose(out), Z_OK);
}

static enum vr_err start(struct fixture *f)
{
	return vr_import_new(&f->mem, &f->config, &f->imp, &f->d);
}

/* The next event as "time action content channel id<parent depth count". */
static const char *next(struct fixture *f)
{
	static char text[512];
	struct vr_event ev;
	bool more = false;

	if (vr_import_next(f->imp, &ev, &more, &f->d))
		return "error";
	if (!more)
		return "end";
	(void)snprintf(text, sizeof(text), "%lld %s %.*s %.*s %.*s<%.*s %u %u", (long long)ev.event_time.ms,
		vr_action_name(ev.action), (int)ev.content_id.n, ev.content_id.p, (int)ev.channel.n, ev.channel.p,
		(int)ev.event_id.n, ev.event_id.p ? ev.event_id.p : "", (int)ev.parent_event_id.n,
		ev.parent_event_id.p ? ev.parent_event_id.p : "", ev.depth, ev.count);
	return text;
}

static void each_kind_becomes_its_action(void **state)
{
	struct fixture *f = *state;
	struct vr_event ev;
	bool more;

	add_file(f,
		"{\"ts\":1600000000000,\"kind\":\"post\",\"content\":\"A\",\"id\":\"A\",\"user\":\"u0\",\"channel\":"
		"\"X\"}\n"
		"{\"ts\":1600000000001,\"kind\":\"share\",\"content\":\"A\",\"id\":\"s1\",\"parent\":\"A\",\"user\":"
		"\"u1\","
		"\"channel\":\"X\",\"reach\":77}\n"
		"{\"ts\":1600000000002,\"kind\":\"reply\",\"content\":\"A\",\"id\":\"r1\",\"parent\":\"s1\",\"via\":"
		"\"u1\"}\n"
		"{\"ts\":1600000000003,\"kind\":\"mention\",\"content\":\"A\",\"id\":\"m1\",\"parent\":\"gone\"}\n"
		"{\"ts\":1600000000004,\"kind\":\"share_total\",\"content\":\"A\",\"channel\":\"f\",\"total\":9,"
		"\"delta\":0}\n"
		"{\"ts\":1600000000005,\"kind\":\"share_total\",\"content\":\"A\",\"channel\":\"f\",\"total\":14,"
		"\"delta\":5}",
		true);
	assert_int_equal(start(f), VR_OK);
	assert_int_equal(vr_import_next(f->imp, &ev, &more, &f->d), VR_OK);
	assert_true(
		more && ev.action == VR_ACTION_SHARE && ev.audience_size == 77 && ev.depth == 1 && ev.count == 1);
	assert_true(vr_str_eq(ev.actor_id, VR_STR("u1")) && ev.parent_event_id.n == 0);
	assert_true(vr_str_eq(ev.channel, VR_STR("x")) && ev.event_time.ms == 1600000000001);
	assert_string_equal(next(f), "1600000000002 comment A unknown r1<s1 2 1");
	assert_string_equal(next(f), "1600000000003 mention A unknown m1<gone 0 1");
	assert_string_equal(next(f), "1600000000005 share A f < 0 5");
	assert_string_equal(next(f), "end");
	assert_string_equal(next(f), "end");
	assert_int_equal(vr_import_facts(f->imp)->events, 4);
	assert_int_equal(vr_import_facts(f->imp)->unchanged, 1);
	assert_int_equal(vr_import_facts(f->imp)->lines[VR_IMPORT_SHARE_TOTAL], 2);
	assert_int_equal(vr_import_facts(f->imp)->first.ms, 1600000000000);
	assert_int_equal(vr_import_facts(f->imp)->last.ms, 1600000000005);
}

#define LINE(ts, id) "{\"ts\":" #ts ",\"kind\":\"share\",\"content\":\"c\",\"id\":\"" id "\"}\n"

static void files_merge_by_time_then_place(void **state)
{
	struct fixture *f = *state;

	add_file(f, LINE(1600000000001, "a1") LINE(1600000000003, "a2") LINE(1600000000003, "a3"), false);
	add_file(f, "", true);
	add_file(f, LINE(1600000000000, "b1") LINE(1600000000003, "b2") LINE(1600000000004, "b3"), true);
	assert_int_equal(start(f), VR_OK);
	assert_string_equal(next(f), "1600000000000 share c unknown b1< 0 1");
	assert_string_equal(next(f), "1600000000001 share c unknown a1< 0 1");
	assert_string_equal(next(f), "1600000000003 share c unknown a2< 0 1");
	assert_string_equal(next(f), "1600000000003 share c unknown a3< 0 1");
	assert_string_equal(next(f), "1600000000003 share c unknown b2< 0 1");
	assert_string_equal(next(f), "1600000000004 share c unknown b3< 0 1");
	assert_string_equal(next(f), "end");
}

static void a_file_out_of_order_is_sorted_and_keeps_ties(void **state)
{
	struct fixture *f = *state;

	add_file(f, LINE(0, "a1") LINE(500, "a2") LINE(0, "b1") LINE(500, "b2") LINE(400, "b3"), true);
	add_file(f, LINE(1500000000450, "x"), false);
	assert_int_equal(start(f), VR_OK);
	assert_string_equal(next(f), "1500000000000 share c unknown a1< 0 1");
	assert_string_equal(next(f), "1500000000000 share c unknown b1< 0 1");
	assert_string_equal(next(f), "1500000000400 share c unknown b3< 0 1");
	assert_string_equal(next(f), "1500000000450 share c unknown x< 0 1");
	assert_string_equal(next(f), "1500000000500 share c unknown a2< 0 1");
	assert_string_equal(next(f), "1500000000500 share c unknown b2< 0 1");
	assert_string_equal(next(f), "end");
	assert_int_equal(vr_import_facts(f->imp)->events, 6);
}

static void an_offset_that_is_given_wins(void **state)
{
	struct fixture *f = *state;

	add_file(f, LINE(5, "a"), false);
	f->config.has_time_offset = true;
	f->config.time_offset.ms = 100;
	assert_int_equal(start(f), VR_OK);
	assert_string_equal(next(f), "105 share c unknown a< 0 1");
}

static void times_of_both_kinds_in_one_file_are_asked_about(void **state)
{
	struct fixture *f = *state;

	add_file(f, LINE(1600000000000, "a") LINE(77, "b"), false);
	assert_int_equal(start(f), VR_E_RANGE);
	assert_non_null(strstr(f->d.where, "0.ndjson:2:1"));
	assert_non_null(strstr(f->d.text, "--time-offset"));
}

static void expect_refused(struct fixture *f, const char *text, const char *where, const char *what)
{
	f->config.n_files = 0;
	add_file(f, text, false);
	assert_true(vr_err_verdict(start(f)) == VR_VERDICT_POISON);
	if (!strstr(f->d.where, where) || !strstr(f->d.text, what))
		fail_msg("found %s: %s, expected %s: %s", f->d.where, f->d.text, where, what);
	assert_null(f->imp);
	assert_int_equal(f->mem.used, 0);
}

static void a_bad_line_is_shown_by_place_and_fault(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *line, *where, *what;
	} bad[] = {
		{"{\"ts\":1,", "ndjson:2:", "not JSON"},
		{"", "ndjson:2:1", "empty line"},
		{"[1]", "ndjson:2:1", "an array"},
		{"{\"kind\":\"share\",\"content\":\"c\"}", "ndjson:2:1", "\"ts\" is missing"},
		{"{\"ts\":\"x\",\"kind\":\"share\",\"content\":\"c\"}", "ndjson:2:2", "expected a whole number"},
		{"{\"ts\":1.5,\"kind\":\"share\",\"content\":\"c\"}", "ndjson:2:2", "a fraction"},
		{"{\"ts\":-1,\"kind\":\"share\",\"content\":\"c\"}", "ndjson:2:2", "expected 0 to"},
		{"{\"ts\":1,\"kind\":\"shares\",\"content\":\"c\"}", "ndjson:2:9", "\"shares\": expected post"},
		{"{\"ts\":1,\"kind\":\"share\",\"content\":\"\"}", "ndjson:2:24", "is empty"},
		{"{\"ts\":1,\"kind\":\"share\",\"content\":null}", "ndjson:2:24", "null"},
		{"{\"ts\":1,\"kind\":\"share\",\"content\":\"a\\u0007\"}", "ndjson:2:24", "control"},
		{"{\"ts\":1,\"kind\":\"share_total\",\"content\":\"c\"}", "ndjson:2:1", "\"delta\" is missing"},
		{"{\"ts\":1,\"kind\":\"share\",\"content\":\"c\",\"channel\":\"_x\"}", "ndjson:2:38",
			"\"_\" at the start"},
		{"{\"ts\":1,\"ts\":2,\"kind\":\"share\",\"content\":\"c\"}", "ndjson:2:", "duplicate"},
		{"{\"ts\":1,\"kind\":\"share\",\"content\":\"\xff\"}", "ndjson:2:", "not JSON"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), LINE(1, "a") "%s\n", bad[i].line);
		expect_refused(f, text, bad[i].where, bad[i].what);
	}
}

static void a_gzip_file_that_is_cut_off_is_refused(void **state)
{
	struct fixture *f = *state;

	add_file(f, LINE(1600000000001, "a1") LINE(1600000000003, "a2"), true);
	assert_int_equal(truncate(f->paths[0], 60), 0);
	assert_int_equal(start(f), VR_E_DECODE);
	assert_non_null(strstr(f->d.text, "gzip"));
}

static void a_nul_byte_and_a_giant_line_are_refused(void **state)
{
	struct fixture *f = *state;
	FILE *out;

	add_file(f, "", false);
	out = fopen(f->paths[0], "w");
	(void)fwrite("{\"ts\":1\0}\n{}\n", 1, 13, out);
	(void)fclose(out);
	assert_int_equal(start(f), VR_E_NUL);
	out = fopen(f->paths[0], "w");
	for (int i = 0; i < 1100000; i++)
		(void)fputc('x', out);
	(void)fclose(out);
	assert_int_equal(start(f), VR_E_SIZE);
	assert_non_null(strstr(f->d.where, "ndjson:1:"));
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	const char *const missing[] = {"/nonexistent/events.ndjson"}, *const folder[] = {"/tmp"};

	f->config.files = missing;
	f->config.n_files = 1;
	assert_int_equal(start(f), VR_E_CONFIG);
	assert_non_null(strstr(f->d.where, "/nonexistent"));
	f->config.files = folder;
	assert_int_equal(start(f), VR_E_CONFIG);
	f->config.n_files = 0;
}

static void told(void *ctx, const char *file, double part)
{
	(void)file;
	assert_true(part >= 0 && part <= 1);
	*(int *)ctx += 1;
}

static void whoever_waits_is_told(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(10000 * 64);
	int calls = 0;
	size_t n = 0;

	for (int i = 0; i < 9000; i++)
		n += (size_t)snprintf(text + n, 64, "{\"ts\":%d,\"kind\":\"share\",\"content\":\"c\"}\n", i);
	add_file(f, text, true);
	free(text);
	f->config.reading = told;
	f->config.ctx = &calls;
	assert_int_equal(start(f), VR_OK);
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_kind_becomes_its_action, begin, end),
		cmocka_unit_test_setup_teardown(files_merge_by_time_then_place, begin, end),
		cmocka_unit_test_setup_teardown(a_file_out_of_order_is_sorted_and_keeps_ties, begin, end),
		cmocka_unit_test_setup_teardown(an_offset_that_is_given_wins, begin, end),
		cmocka_unit_test_setup_teardown(times_of_both_kinds_in_one_file_are_asked_about, begin, end),
		cmocka_unit_test_setup_teardown(a_bad_line_is_shown_by_place_and_fault, begin, end),
		cmocka_unit_test_setup_teardown(a_gzip_file_that_is_cut_off_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_nul_byte_and_a_giant_line_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_named, begin, end),
		cmocka_unit_test_setup_teardown(whoever_waits_is_told, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
