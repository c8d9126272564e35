/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "virality/json.h"

static void strings_are_escaped(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	vr_json_string(&b, VR_STR("a\"b\\c\b\t\n\f\r\x01\x1f\0/\x7f\xe5\xbe\xae"));
	assert_str_equal(vr_buf_str(&b),
		VR_STR("\"a\\\"b\\\\c\\b\\t\\n\\f\\r\\u0001\\u001f\\u0000/\x7f\xe5\xbe\xae\""));
	vr_buf_clear(&b);
	vr_json_string(&b, (struct vr_str){NULL, 0});
	assert_str_equal(vr_buf_str(&b), VR_STR("\"\""));
	vr_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(strings_are_escaped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
