/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "virality/writer.h"

/* "SET k v" per line: what a cut became. */
struct rig {
	struct vr_mem mem;
	struct vr_keys keys;
	struct vr_cmds cmds;
	struct vr_writer writer;
	struct vr_store store;
	char text[2048];
};

static int begin(void **state)
{
	static struct rig r;
	r = (struct rig){.mem = vr_mem_heap()};
	assert_int_equal(vr_keys_init(&r.keys, VR_STR("v:"), VR_STR("t"), 0, 0, 2), VR_OK);
	vr_cmds_init(&r.cmds, &r.mem);
	vr_writer_init(&r.writer, &r.keys, &r.cmds, &r.mem);
	r.store = vr_writer_store(&r.writer);
	vr_cmd_words(&r.cmds, "MULTI", NULL);
	vr_writer_begin(&r.writer);
	*state = &r;
	return 0;
}

static int end(void **state)
{
	struct rig *r = *state;
	vr_writer_done(&r->writer);
	vr_cmds_done(&r->cmds);
	assert_int_equal(r->mem.used, 0);
	return 0;
}

static size_t number(const char **p)
{
	size_t n = 0;
	for ((*p)++; **p != '\r'; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	*p += 2;
	return n;
}

/* Words with blanks between, a line for each command. */
static const char *text_of(struct rig *r)
{
	const char *p = r->cmds.buf.p, *stop = p + r->cmds.buf.n;
	char *out = r->text;
	uint32_t lines = 0;
	assert_false(r->cmds.buf.failed);
	for (; p < stop; lines++) {
		assert_int_equal(*p, '*');
		for (size_t words = number(&p); words > 0; words--) {
			assert_int_equal(*p, '$');
			size_t n = number(&p);
			assert_true(out + n + 2 < r->text + sizeof(r->text));
			memcpy(out, p, n);
			out[n] = words > 1 ? ' ' : '\n';
			out += n + 1;
			p += n + 2;
		}
	}
	*out = '\0';
	assert_int_equal(lines, r->cmds.n);
	return r->text;
}

static void write_content(struct rig *r, const char *id, int64_t hour, int64_t timer)
{
	struct vr_field f = {VR_STR("views_total"), VR_STR("7")};
	if (hour)
		r->store.rank(&r->writer, VR_SLOT_INDEX, vr_str_c(id), hour);
	if (timer)
		r->store.rank(&r->writer, VR_SLOT_TIMERS, vr_str_c(id), timer);
	r->store.set(&r->writer, VR_SLOT_CONTENT, vr_str_c(id), VR_STR("state"));
	r->store.view(&r->writer, VR_VIEW_CONTENT, vr_str_c(id), &f, 1);
}

static void what_is_ranked_comes_first_and_in_one_command(void **state)
{
	struct rig *r = *state;
	write_content(r, "a", 5, 0);
	write_content(r, "b", 0, 900);
	r->store.unrank(&r->writer, VR_SLOT_TIMERS, VR_STR("gone"));
	write_content(r, "c", -6, 0);
	vr_writer_end(&r->writer);
	vr_cmd_words(&r->cmds, "EXEC", NULL);
	assert_string_equal(text_of(r),
		"MULTI\n"
		"ZADD {v:t:0}:idx 5 a -6 c\n"
		"ZADD {v:t:0}:timers 900 b\n"
		"SET {v:t:0}:c:a state\n"
		"HSET v:c:{a} views_total 7\n"
		"SET {v:t:0}:c:b state\n"
		"HSET v:c:{b} views_total 7\n"
		"ZREM {v:t:0}:timers gone\n"
		"SET {v:t:0}:c:c state\n"
		"HSET v:c:{c} views_total 7\n"
		"EXEC\n");
}

static void a_cut_without_ranks_is_written_as_it_comes(void **state)
{
	struct rig *r = *state;
	write_content(r, "a", 1, 2);
	vr_writer_end(&r->writer);
	vr_cmds_clear(&r->cmds);
	vr_writer_begin(&r->writer);
	write_content(r, "b", 0, 0);
	vr_writer_end(&r->writer);
	assert_string_equal(text_of(r), "SET {v:t:0}:c:b state\nHSET v:c:{b} views_total 7\n");
}

struct heard { char ids[16]; unsigned n; };

static void hear(void *ctx, enum vr_view view, struct vr_str id, const char *error)
{
	struct heard *h = ctx;
	assert_int_equal(view, VR_VIEW_CONTENT);
	assert_string_equal(error, "WRONGTYPE");
	assert_int_equal(id.n, 1);
	h->ids[h->n++] = id.p[0];
}

/* at[i] of the ten replies is an error where bad[i] is 'x'. */
static enum vr_err walk(struct rig *r, const char *bad, struct heard *h)
{
	struct vr_reply at[10] = {0};
	struct vr_diag d;
	size_t n = strlen(bad);
	*h = (struct heard){0};
	assert_int_equal(n, r->cmds.n - 1);
	for (size_t i = 0; i < n; i++)
		if (bad[i] == 'x')
			at[i] = (struct vr_reply){.type = VR_REPLY_ERROR, .str = VR_STR("WRONGTYPE")};
	return vr_writer_walk(&r->writer, &(struct vr_replies){at, n}, hear, h, &d);
}

static void an_error_finds_its_view_behind_what_came_ahead(void **state)
{
	struct rig *r = *state;
	struct heard h;
	write_content(r, "a", 5, 0);
	write_content(r, "b", 6, 900);
	vr_writer_end(&r->writer);
	assert_int_equal(walk(r, "...x.x", &h), VR_OK);
	assert_string_equal(h.ids, "ab");
	assert_int_equal(walk(r, ".....x", &h), VR_OK);
	assert_string_equal(h.ids, "b");
	assert_int_equal(walk(r, "x.....", &h), VR_E_REPLY);
	assert_int_equal(walk(r, ".x...x", &h), VR_E_REPLY);
	assert_string_equal(h.ids, "b");
	assert_int_equal(walk(r, "..x...", &h), VR_E_REPLY);
	assert_int_equal(h.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_ranked_comes_first_and_in_one_command, begin, end),
		cmocka_unit_test_setup_teardown(a_cut_without_ranks_is_written_as_it_comes, begin, end),
		cmocka_unit_test_setup_teardown(an_error_finds_its_view_behind_what_came_ahead, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
