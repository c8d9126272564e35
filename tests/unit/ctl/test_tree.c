/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "import/tree.h"
#include "unit.h"

static struct vr_mem mem;
static struct vr_tree tree;

static int begin(void **state)
{
	(void)state;
	mem = vr_mem_heap();
	vr_tree_init(&tree, &mem);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vr_tree_done(&tree);
	return mem.used == 0 ? 0 : -1;
}

static void add(const char *id, const char *parent)
{
	assert_int_equal(vr_tree_add(&tree, vr_str_c(id), vr_str_c(parent), strcmp(parent, "post") == 0), VR_OK);
}

static uint32_t below(const char *parent)
{
	return vr_tree_depth_below(&tree, vr_str_c(parent));
}

static void depth_counts_links_up_to_the_post(void **state)
{
	(void)state;
	add("c", "b");		/* before its parent */
	add("root", "post");
	add("a", "root");
	add("b", "a");
	assert_int_equal(below("root"), 1);
	assert_int_equal(below("b"), 3);
	assert_int_equal(below("c"), 4);
	assert_int_equal(below("a"), 2);
	assert_int_equal(below(""), 0);
	assert_true(vr_tree_is_post(&tree, VR_STR("root")));
	assert_false(vr_tree_is_post(&tree, VR_STR("a")));
	assert_false(vr_tree_is_post(&tree, VR_STR("nobody")));
}

static void a_share_without_parent_is_the_first_link(void **state)
{
	(void)state;
	add("a", "");
	add("b", "a");
	assert_int_equal(below("a"), 2);
	assert_int_equal(below("b"), 3);
}

static void what_leads_nowhere_is_unknown(void **state)
{
	(void)state;
	add("a", "gone");
	add("b", "a");
	add("self", "self");
	add("x", "y");
	add("y", "x");
	add("tail", "x");
	assert_int_equal(below("gone"), 0);
	assert_int_equal(below("a"), 0);
	assert_int_equal(below("b"), 0);
	assert_int_equal(below("never"), 0);
	assert_int_equal(below("self"), 0);
	assert_int_equal(below("tail"), 0);
	assert_int_equal(below("x"), 0);
	assert_int_equal(below("y"), 0);
}

static void a_long_chain_asked_from_its_end(void **state)
{
	char id[16], parent[16] = "root";

	(void)state;
	add("root", "post");
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(id, sizeof(id), "n%d", i);
		add(id, parent);
		memcpy(parent, id, sizeof(id));
	}
	assert_int_equal(below("n99999"), 100001);
	assert_int_equal(below("n5"), 7);
}

static void the_first_line_of_an_id_decides(void **state)
{
	(void)state;
	add("root", "post");
	add("a", "root");
	add("a", "b");
	add("b", "root");
	assert_int_equal(below("a"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(depth_counts_links_up_to_the_post, begin, end),
		cmocka_unit_test_setup_teardown(a_share_without_parent_is_the_first_link, begin, end),
		cmocka_unit_test_setup_teardown(what_leads_nowhere_is_unknown, begin, end),
		cmocka_unit_test_setup_teardown(a_long_chain_asked_from_its_end, begin, end),
		cmocka_unit_test_setup_teardown(the_first_line_of_an_id_decides, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
