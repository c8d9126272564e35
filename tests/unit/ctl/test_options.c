/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>
#include "options.h"
#include "unit.h"
#include "virality/time.h"

struct values {
	const char *text;
	bool flag, given;
	uint64_t whole;
	double real;
	int64_t number;
	struct vr_span span;
	struct vr_wall time;
	int choice;
	struct vr_ctl_words words;
};
#define AT(field) offsetof(struct values, field)
static const struct vr_ctl_option table[] = {
	{"text", 't', VR_CTL_TEXT, AT(text), "T", "a text", 0, 0, 0},
	{"flag", 'f', VR_CTL_FLAG, AT(flag), NULL, "a flag", 0, 0, 0},
	{"whole", 'w', VR_CTL_WHOLE, AT(whole), "N", "a number", 1, 10, 0},
	{"real", 0, VR_CTL_REAL, AT(real), "X", "a fraction", 0, 1, 0},
	{"number", 0, VR_CTL_SIGNED, AT(number), "N", "may be negative", 0, 0, AT(given)},
	{"span", 0, VR_CTL_SPAN, AT(span), "TIME", "how long", 0, 0, 0},
	{"at", 0, VR_CTL_TIME, AT(time), "TIME", "when", 0, 0, 0},
	{"choice", 'c', VR_CTL_CHOICE, AT(choice), "one|two|three", "which", 0, 0, 0},
	{"word", 'X', VR_CTL_WORDS, AT(words), "W", "many", 0, 0, 0},
};
static const struct vr_ctl_command command = {.name = "test", .operands = "FILE", .summary = "For a test."};

static enum vr_ctl_exit parse(
	struct values *v, struct vr_ctl_operands *rest, int argc, const char *const *argv)
{
	const struct vr_ctl_group group[] = {VR_CTL_GROUP("Options", table, v)};
	char *copy[16] = {0};
	enum vr_ctl_exit code;

	*v = (struct values){0};
	for (int i = 0; i < argc; i++)
		copy[i] = (char *)(uintptr_t)argv[i];
	if (!vr_ctl_parse(&command, group, 1, argc, copy, rest, &code))
		return code == VR_CTL_OK ? VR_CTL_FAILED : code;
	return code;
}
#define PARSE(v, rest, ...)                                                                                  \
	parse(v, rest, (int)(sizeof((const char *[]){"test", __VA_ARGS__}) / sizeof(char *)),                    \
		(const char *[]){"test", __VA_ARGS__})

static void every_type_is_read(void **state)
{
	struct vr_ctl_operands rest;
	struct values v;

	(void)state;
	assert_int_equal(PARSE(&v, &rest, "--text=a b", "-f", "-w", "7", "--real", "0.25", "--number", "-5",
						 "--span", "1.5h", "file"),
		VR_CTL_OK);
	assert_string_equal(v.text, "a b");
	assert_true(
		v.flag && v.given && v.whole == 7 && v.real == 0.25 && v.number == -5 && v.span.ms == 5400000);
	assert_int_equal(rest.n, 1);
	assert_int_equal(
		PARSE(&v, &rest, "--at", "2012-07-04T09:00:00Z", "-c", "three", "-Xa=b", "-X", "c=d"), VR_CTL_OK);
	assert_true(v.time.ms == 1341392400000 && v.choice == 2 && v.words.n == 2 && !v.given);
	assert_string_equal(v.words.at[1], "c=d");
	assert_int_equal(PARSE(&v, &rest, "--at", "1341392400000"), VR_CTL_OK);
	assert_int_equal(v.time.ms, 1341392400000);
}

static void what_is_wrong_is_misuse(void **state)
{
	static const char *const bad[][2] = {
		{"--whole", "0"},
		{"--whole", "11"},
		{"--whole", "-1"},
		{"--whole", "3x"},
		{"--whole", ""},
		{"--real", "1.01"},
		{"--real", "nan"},
		{"--real", "x"},
		{"--number", "99999999999999999999"},
		{"--span", "5"},
		{"--span", "-5s"},
		{"--span", "h"},
		{"--at", "yesterday"},
		{"--choice", "four"},
		{"--choice", "on"},
		{"--nonsense", "x"},
		{"-q", "x"},
		{"file", "--text"},
	};
	struct vr_ctl_operands rest;
	struct values v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (PARSE(&v, &rest, bad[i][0], bad[i][1]) != VR_CTL_USAGE)
			fail_msg("%s %s was taken", bad[i][0], bad[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(what_is_wrong_is_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
