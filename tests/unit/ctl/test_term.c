/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdlib.h>
#include "virality/term.h"
#include "unit.h"

static char shown[4096];

/* What put() writes. */
static const char *capture(void (*put)(FILE *out, const void *what), const void *what)
{
	FILE *out = tmpfile();
	size_t n;

	assert_non_null(out);
	put(out, what);
	rewind(out);
	n = fread(shown, 1, sizeof(shown) - 1, out);
	shown[n] = '\0';
	(void)fclose(out);
	return shown;
}

static void put_text(FILE *out, const void *what)
{
	vr_ctl_put_text(out, *(const struct vr_str *)what);
}

static const char *text_of(struct vr_str s)
{
	return capture(put_text, &s);
}

static void hostile_text_cannot_steer(void **state)
{
	static const struct { struct vr_str in; const char *out;
	} cases[] = {
		{VR_STR("plain"), "plain"},
		{VR_STR("caf\xc3\xa9 \xe7\x86\x8a\xe7\x8c\xab \xf0\x9f\x90\xbc"),
			"caf\xc3\xa9 \xe7\x86\x8a\xe7\x8c\xab \xf0\x9f\x90\xbc"},
		{VR_STR("\x1b[2J\x1b]0;owned\x07"), "\\x1b[2J\\x1b]0;owned\\x07"},
		{VR_STR("a\r\nb\tc\x00"
				"d\x7f"),
			"a\\x0d\\x0ab\\x09c\\x00d\\x7f"},
		{VR_STR("\xc2\x9b"
				"31m"),
			"\\u{9b}31m"},
		{VR_STR("abc\xe2\x80\xae"
				"fdp"),
			"abc\\u{202e}fdp"},
		{VR_STR("\xe2\x80\x8b\xef\xbb\xbf"), "\\u{200b}\\u{feff}"},
		{VR_STR("\xff\xc3("), "\\xff\\xc3("},
		{VR_STR("\xed\xa0\x80\xc0\xaf"), "\\xed\\xa0\\x80\\xc0\\xaf"},
		{VR_STR("\xe2\x82"), "\\xe2\\x82"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_of(cases[i].in), cases[i].out);
}

static void every_byte_comes_out_harmless(void **state)
{
	(void)state;
	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			const char two[] = {(char)a, (char)b};
			const char *out = text_of((struct vr_str){two, 2});

			assert_true(vr_utf8_clean(vr_str_c(out)));
		}
	}
}

static void width_counts_columns(void **state)
{
	(void)state;
	assert_int_equal(vr_ctl_width(VR_STR("abc")), 3);
	assert_int_equal(vr_ctl_width(VR_STR("caf\xc3\xa9")), 4);
	assert_int_equal(vr_ctl_width(VR_STR("\xe7\x86\x8a\xe7\x8c\xab")), 4);
	assert_int_equal(vr_ctl_width(VR_STR("\x1b")), 4);
}

struct cut { struct vr_str s; unsigned width; };

static void put_cut(FILE *out, const void *what)
{
	const struct cut *c = what;

	assert_true(vr_ctl_put_cut(out, c->s, c->width) <= c->width);
}

static void cuts_end_at_a_character(void **state)
{
	(void)state;
	assert_string_equal(capture(put_cut, &(struct cut){VR_STR("abcdef"), 6}), "abcdef");
	assert_string_equal(capture(put_cut, &(struct cut){VR_STR("abcdef"), 4}), "abc\xe2\x80\xa6");
	assert_string_equal(capture(put_cut, &(struct cut){VR_STR("\xe7\x86\x8a\xe7\x8c\xab\xe7\x86\x8a"), 4}),
		"\xe7\x86\x8a\xe2\x80\xa6");
	assert_string_equal(capture(put_cut, &(struct cut){VR_STR("a\x1b[2J"), 4}), "a\xe2\x80\xa6");
}

static void put_table(FILE *out, const void *what)
{
	vr_ctl_table_print(what, out);
}

static void a_table_has_straight_columns(void **state)
{
	static const struct vr_ctl_column columns[] = {{"what", false, 5}, {"n", true, 0}, {"last", false, 0}};
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena arena;
	struct vr_ctl_table t;
	struct vr_ctl_row *row;

	(void)state;
	vr_arena_init(&arena, &mem, 0);
	vr_ctl_table_init(&t, columns, 3, &arena);
	row = vr_ctl_table_row(&t);
	row->cells[0] = VR_STR("shares");
	row->cells[1] = vr_ctl_number(&arena, 1234567);
	row->cells[2] = VR_STR("x");
	row = vr_ctl_table_row(&t);
	row->cells[1] = vr_ctl_number(&arena, -12);
	assert_string_equal(capture(put_table, &t),
		"what           n  last\nshar\xe2\x80\xa6  1,234,567  x\n             -12  \n");
	vr_arena_done(&arena);
	assert_int_equal(mem.used, 0);
}

static void numbers_and_times(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena a;

	(void)state;
	vr_arena_init(&a, &mem, 0);
	assert_str_equal(vr_ctl_number(&a, 0), VR_STR("0"));
	assert_str_equal(vr_ctl_number(&a, 999), VR_STR("999"));
	assert_str_equal(vr_ctl_number(&a, -1000), VR_STR("-1,000"));
	assert_str_equal(vr_ctl_number(&a, 100000), VR_STR("100,000"));
	assert_str_equal(vr_ctl_time(&a, 1341392400000), VR_STR("2012-07-04 09:00:00"));
	assert_str_equal(vr_ctl_time(&a, 0), VR_STR("-"));
	vr_arena_done(&a);
}

static void colour_is_for_terminals(void **state)
{
	FILE *out = tmpfile();

	(void)state;
	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	assert_false(vr_ctl_has_colour(out));
	setenv("CLICOLOR_FORCE", "1", 1);
	assert_true(vr_ctl_has_colour(out));
	setenv("NO_COLOR", "1", 1);
	assert_false(vr_ctl_has_colour(out));
	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	(void)fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_cannot_steer),
		cmocka_unit_test(every_byte_comes_out_harmless),
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(cuts_end_at_a_character),
		cmocka_unit_test(a_table_has_straight_columns),
		cmocka_unit_test(numbers_and_times),
		cmocka_unit_test(colour_is_for_terminals),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
