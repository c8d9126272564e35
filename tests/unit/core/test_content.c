/* SPDX-License-Identifier: Apache-2.0 */
/* A content's stored form: what is read back is written again to the byte, and nothing else is read. */
#include "engine_rig.h"

enum { STEPS = 4000 };

struct states {
	struct vr_pool pool;
	struct vr_windows windows;
	struct engine_rig *r;
	struct vr_rng rng;
	size_t seen;
};

static const struct vr_rule_state RULES[] = {
	{.key = 7, .since = {RIG_T0}, .offset = 3, .state = VR_ALERT_FIRING},
	{.key = UINT64_MAX, .since = {RIG_T0 - 1}, .offset = INT64_MAX, .state = VR_ALERT_SUPPRESSED},
	{.key = 1, .since = {0}, .offset = 0, .state = VR_ALERT_PENDING},
};

/* ---- random contents ---- */

static struct vr_event random_event(struct vr_rng *rng, int64_t now, char text[4][80])
{
	static const char *const ids[] = {"a", "b", "c", "a long name of a content with blanks"};
	enum vr_action any = (enum vr_action)vr_rng_below(rng, VR_ACTIONS_MAX);
	struct vr_event ev = rig_event(ids[vr_rng_below(rng, 4)], any, now);
	if (vr_rng_below(rng, 2))
		ev.action = VR_ACTION_SHARE;
	(void)snprintf(text[0], 80, "u%d", (int)vr_rng_below(rng, 200));
	(void)snprintf(text[1], 80, "ch%d", (int)vr_rng_below(rng, 20));
	(void)snprintf(text[2], 80, "%0*d", (int)vr_rng_below(rng, 75) + 1, 1);
	ev.actor_id = vr_str_c(text[0]);
	ev.channel = vr_str_c(text[1]);
	if (vr_rng_below(rng, 8) == 0)
		ev.title = ev.url = vr_str_c(text[2]);
	ev.count = vr_rng_below(rng, 20) ? (uint32_t)vr_rng_below(rng, 5) + 1 : UINT32_MAX;
	ev.depth = (uint32_t)vr_rng_below(rng, 4);
	if (vr_rng_below(rng, 3) == 0)
		ev.event_time.ms -= (int64_t)vr_rng_below(rng, 400000);
	if (vr_rng_below(rng, 3) == 0)
		ev.parent_event_time.ms = RIG_T0 + now - (int64_t)vr_rng_below(rng, 100000);
	return ev;
}

/* ---- read back ---- */

static enum vr_err decode(struct states *s, struct vr_content *c, struct vr_str id, struct vr_str state)
{
	const struct rig_row *uniques = rig_row(s->r, VR_SLOT_UNIQUES, id, false);
	const struct rig_row *channels = rig_row(s->r, VR_SLOT_CHANNELS, id, false);
	enum vr_err err = vr_content_decode(c, &s->pool, &s->windows, state);
	if (!err && vr_content_wants_channels(state)) {
		assert_non_null(channels);
		err = vr_content_decode_channels(c, &s->pool, &s->windows, (struct vr_str){channels->value, channels->n});
	}
	if (!err && vr_content_wants_uniques(state)) {
		assert_non_null(uniques);
		struct vr_rd rd = vr_rd_of((struct vr_str){uniques->value, uniques->n});
		err = vr_uniques_decode(&c->uniques, &s->pool, &rd);
	}
	return err;
}

static void need_same(struct states *s, const struct rig_row *row)
{
	struct vr_str id = vr_str_c(row->id), state = {row->value, row->n};
	struct vr_content *c = vr_content_new(&s->pool, id, vr_hash64(id));
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;
	vr_buf_init(&b, &mem);
	assert_int_equal(decode(s, c, id, state), VR_OK);
	assert_true(vr_content_check(c, &s->windows));
	for (size_t i = 0; i < 3 && c->n_rules < 3; i++)
		assert_int_equal(vr_content_rule_set(c, &s->pool, &RULES[i]), VR_OK);
	vr_content_encode(c, &s->windows, &b);
	struct vr_content *again = vr_content_new(&s->pool, id, vr_hash64(id));
	assert_int_equal(decode(s, again, id, vr_buf_str(&b)), VR_OK);
	assert_int_equal(again->n_rules, 3);
	for (unsigned i = 0; i < 3; i++)
		vr_content_rule_drop(again, RULES[i].key);
	vr_buf_clear(&b);
	vr_content_encode(again, &s->windows, &b);
	assert_int_equal(b.n, state.n);
	assert_memory_equal(b.p, state.p, state.n);
	vr_buf_done(&b);
	vr_content_free(c, &s->pool, &s->windows);
	vr_content_free(again, &s->pool, &s->windows);
	s->seen++;
}

/* Cut short, longer, or with a byte changed: refused, or another content that is sound. */
static void need_harmless(struct states *s, const struct rig_row *row)
{
	struct vr_str id = vr_str_c(row->id);
	char *copy = malloc(row->n + 1);
	assert_non_null(copy);
	memcpy(copy, row->value, row->n);
	size_t n = vr_rng_below(&s->rng, row->n);
	copy[vr_rng_below(&s->rng, row->n)] ^= (char)(1 << vr_rng_below(&s->rng, 8));
	const struct vr_str hurt[] = {{row->value, n}, {row->value, row->n}, {copy, row->n}};
	for (size_t i = 0; i < 3; i++) {
		struct vr_content *c = vr_content_new(&s->pool, id, vr_hash64(id));
		enum vr_err err = vr_content_decode(c, &s->pool, &s->windows, hurt[i]);
		assert_true(err == VR_OK || err == VR_E_CORRUPT);
		if (i == 0)
			assert_int_equal(err, VR_E_CORRUPT);
		vr_content_free(c, &s->pool, &s->windows);
	}
	free(copy);
}

static void look_at_all(struct states *s)
{
	for (size_t i = 0; i < RIG_ROWS; i++)
		if (s->r->row[i].used && s->r->row[i].slot == VR_SLOT_CONTENT) {
			need_same(s, &s->r->row[i]);
			need_harmless(s, &s->r->row[i]);
		}
}

static void what_is_stored_is_read_back_to_the_byte(void **state)
{
	struct engine_rig r;
	struct states s = {.r = &r, .rng = vr_rng_new()};
	struct vr_mem mem = vr_mem_heap();
	int64_t now = 0;
	char text[4][80];
	(void)state;
	rig_init(&r);
	vr_pool_init(&s.pool, &mem);
	s.windows = r.config.windows;
	for (int i = 0; i < STEPS; i++) {
		struct vr_outcome o;
		now += (int64_t)vr_rng_below(&s.rng, vr_rng_below(&s.rng, 50) ? 700 : 90000);
		struct vr_event ev = random_event(&s.rng, now, text);
		assert_int_equal(rig_fold(&r, &ev, now, &o), VR_OK);
		if (vr_rng_below(&s.rng, 20))
			continue;
		assert_true(vr_engine_check(r.e));
		rig_cut(&r, now);
		look_at_all(&s);
	}
	assert_true(s.seen > 100);
	assert_int_equal(s.pool.used, 0);
	vr_pool_done(&s.pool);
	rig_done(&r);
}

/* ---- small things ---- */

static void rule_states_stand_in_order_of_their_keys(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_pool pool;
	struct vr_windows w = {.n = 1, .width_ms = {2000}, .name = {"1m"}};
	(void)state;
	vr_pool_init(&pool, &mem);
	struct vr_content *c = vr_content_new(&pool, VR_STR("a"), 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vr_content_rule_set(c, &pool, &RULES[i]), VR_OK);
	assert_int_equal(c->rule[0].key, 1);
	assert_int_equal(c->rule[2].key, UINT64_MAX);
	assert_true(vr_content_has_alert(c));
	vr_content_rule_drop(c, 1);
	vr_content_rule_drop(c, 7);
	vr_content_rule_drop(c, 7);
	assert_false(vr_content_has_alert(c));
	assert_int_equal(c->n_rules, 1);
	assert_true(vr_content_check(c, &w));
	vr_content_free(c, &pool, &w);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static void as_many_rule_states_as_a_byte_counts(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_pool pool;
	struct vr_windows w = {.n = 1, .width_ms = {2000}, .name = {"1m"}};
	(void)state;
	vr_pool_init(&pool, &mem);
	struct vr_content *c = vr_content_new(&pool, VR_STR("a"), 1);
	for (uint64_t i = 0; i < 255; i++) {
		struct vr_rule_state s = {.key = (i * 77) % 256, .state = VR_ALERT_FIRING};
		assert_int_equal(vr_content_rule_set(c, &pool, &s), VR_OK);
	}
	assert_true(vr_content_check(c, &w));
	vr_content_free(c, &pool, &w);
	vr_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_is_read_back_to_the_byte),
		cmocka_unit_test(rule_states_stand_in_order_of_their_keys),
		cmocka_unit_test(as_many_rule_states_as_a_byte_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
