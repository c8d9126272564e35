/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "show.h"
#include "unit.h"

static struct vr_reply text(struct vr_str s)
{
	return (struct vr_reply){.type = VR_REPLY_STR, .str = s};
}

static void expect(struct vr_str name, struct vr_str value, const char *json)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	vr_buf_init(&b, &mem);
	vr_ctl_json_value(&b, name, value);
	vr_buf_byte(&b, '\0');
	assert_false(b.failed);
	assert_string_equal(b.p, json);
	vr_buf_done(&b);
	assert_int_equal(mem.used, 0);
}

static void fields_keep_their_type(void **state)
{
	(void)state;
	expect(VR_STR("shares_total"), VR_STR("12"), "12");
	expect(VR_STR("mean_depth"), VR_STR("1.500000"), "1.500000");
	expect(VR_STR("value"), VR_STR("-0.5"), "-0.5");
	expect(VR_STR("content_id"), VR_STR("12"), "\"12\"");
	expect(VR_STR("rule_version"), VR_STR("0012"), "\"0012\"");
	expect(VR_STR("labels"), VR_STR("{\"a\":\"b\"}"), "{\"a\":\"b\"}");
	expect(VR_STR("labels"), VR_STR("{\"a\":"), "\"{\\\"a\\\":\"");
}

static void what_is_no_json_number_becomes_text(void **state)
{
	static const char *const odd[] = {
		"", "-", "1.", ".5", "007", "1e9", "nan", "0x1", "1 ", "+1", "1.2.3", "--1"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char json[16];

		(void)snprintf(json, sizeof(json), "\"%s\"", odd[i]);
		expect(VR_STR("shares_total"), vr_str_c(odd[i]), json);
	}
	expect(VR_STR("shares_total"), VR_STR("0"), "0");
	expect(VR_STR("shares_total"), VR_STR("-0.0"), "-0.0");
}

static void bytes_that_are_no_text_cannot_break_the_line(void **state)
{
	(void)state;
	expect(VR_STR("title"), VR_STR("a\nb\x1b"), "\"a\\nb\\u001b\"");
	expect(VR_STR("title"), VR_STR("a\xff"), "\"a\xef\xbf\xbd\"");
}

static void a_hash_is_one_object(void **state)
{
	struct vr_reply elem[] = {
		text(VR_STR("content_id")), text(VR_STR("7")), text(VR_STR("shares_total")), text(VR_STR("7"))};
	struct vr_reply flat = {.type = VR_REPLY_ARRAY, .elem = elem, .n = 4};
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	vr_ctl_json_hash(&b, &flat);
	assert_str_equal(vr_buf_str(&b), VR_STR("{\"content_id\":\"7\",\"shares_total\":7}"));
	vr_buf_done(&b);
	assert_int_equal(vr_ctl_field_number(&flat, "shares_total"), 7);
	assert_int_equal(vr_ctl_field(&flat, "nothing").n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_keep_their_type),
		cmocka_unit_test(what_is_no_json_number_becomes_text),
		cmocka_unit_test(bytes_that_are_no_text_cannot_break_the_line),
		cmocka_unit_test(a_hash_is_one_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
