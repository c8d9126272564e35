/* SPDX-License-Identifier: Apache-2.0 */
/* One story with everything in it, told again and again with the n-th block of memory refused: it ends with
 * VR_E_NOMEM or as it should, never with something else written; and nothing is left. */
#include "engine_rig.h"
#include "fail_pool.h"

enum { ACTORS = 70, CHANNELS = 11, REFUSALS_MOST = 20000 };

static struct vr_rules *rules;
static void *(*pool_resize)(void *ctx, void *p, size_t old, size_t size);

/* What the engine allocates through its pool as a vr_mem: growing counts, too. */
static void *refusing_resize(void *ctx, void *p, size_t old, size_t size)
{
	if (size > old && !fail_pool_grants())
		return NULL;
	return pool_resize(ctx, p, old, size);
}

static void refuse_within(struct engine_rig *r)
{
	pool_resize = r->e->pool_mem.resize;
	r->e->pool_mem.resize = refusing_resize;
}

/* ---- the story ---- */

static enum vr_err add(struct engine_rig *r, struct vr_event ev)
{
	struct vr_outcome o;
	return rig_fold(r, &ev, ev.event_time.ms - RIG_T0, &o);
}

static enum vr_err add_actors(struct engine_rig *r)
{
	enum vr_err err = VR_OK;
	char actor[8];
	for (int i = 0; i < ACTORS && !err; i++) {
		struct vr_event ev = rig_event("a", VR_ACTION_SHARE, 1000 * i);
		(void)snprintf(actor, sizeof(actor), "u%d", i);
		ev.actor_id = ev.event_id = vr_str_c(actor);
		err = add(r, ev);
	}
	return err;
}

static enum vr_err add_channels(struct engine_rig *r)
{
	enum vr_err err = VR_OK;
	char channel[8];
	for (int i = 0; i < CHANNELS && !err; i++) {
		struct vr_event ev = rig_event("b", i % 3 ? VR_ACTION_SHARE : VR_ACTION_LIKE, 70000 + i);
		(void)snprintf(channel, sizeof(channel), "ch%d", i);
		ev.channel = vr_str_c(channel);
		ev.title = VR_STR("a title that is far too long for the small hash of a view, so it stands apart");
		err = add(r, ev);
	}
	return err;
}

static enum vr_err add_contents(struct engine_rig *r)
{
	enum vr_err err = VR_OK;
	char id[8];
	for (int i = 0; i < 40 && !err; i++) {
		(void)snprintf(id, sizeof(id), "c%d", i);
		err = add(r, rig_event(id, VR_ACTION_SHARE, 71000 + i));
	}
	struct vr_event back = rig_event("a", VR_ACTION_UNSHARE, 72000);
	return err ? err : add(r, back);
}

static enum vr_err tell(struct engine_rig *r)
{
	enum vr_err err = vr_engine_rules(r->e, rules, 1, 0);
	if (!err)
		err = add_actors(r);
	if (!err)
		err = add_channels(r);
	if (!err)
		err = add_contents(r);
	return err ? err : rig_try_cut(r, 0, 1000, true);
}

static enum vr_err go_on(struct engine_rig *r)
{
	enum vr_err err = vr_engine_rules_resume(r->e, rules, 1);
	if (!err)
		err = rig_want(r, VR_STR("a"));
	if (!err)
		err = add(r, rig_event("b", VR_ACTION_SHARE, 200000));
	if (!err)
		err = add(r, rig_event("a", VR_ACTION_VIEW, 400000));
	struct vr_outcome o;
	if (!err)	/* everything is forgotten, open alerts with it */
		err = rig_fold(r, NULL, 5 * VR_HOUR_MS, &o);
	if (!err)
		err = add(r, rig_event("b", VR_ACTION_LIKE, 5 * VR_HOUR_MS));
	return err ? err : rig_try_cut(r, 0, 1000, true);
}

/* ---- refused ---- */

static enum vr_err attempt_first(struct engine_rig *r, size_t granted)
{
	refuse_within(r);
	fail_pool_left = granted;
	enum vr_err err = tell(r);
	fail_pool_left = SIZE_MAX;
	return err;
}

static enum vr_err attempt_second(struct engine_rig *r, size_t granted)
{
	fail_pool_left = granted;
	enum vr_err err = rig_reborn(r);
	if (!err) {
		refuse_within(r);
		err = go_on(r);
	}
	fail_pool_left = SIZE_MAX;
	return err;
}

static void need_no_half(struct engine_rig *r, enum vr_err err, const char *right)
{
	assert_true(err == VR_OK || err == VR_E_NOMEM);
	if (!err)
		assert_string_equal(r->text, right);
	else if (r->e && r->e->broken)
		assert_int_equal(rig_try_cut(r, 0, 1000, true), VR_E_NOMEM);
}

static void every_block_may_be_refused(void **state)
{
	struct engine_rig r;
	size_t refused = 0;
	(void)state;
	rig_init(&r);
	assert_int_equal(attempt_first(&r, SIZE_MAX), VR_OK);
	char *right = strdup(r.text);
	assert_non_null(strstr(right, "alert Many a firing"));
	rig_done(&r);
	for (enum vr_err err = VR_E_NOMEM; err; refused++) {
		rig_init(&r);
		err = attempt_first(&r, refused);
		need_no_half(&r, err, right);
		rig_done(&r);
		assert_true(refused < REFUSALS_MOST);
	}
	assert_true(refused > 200);
	free(right);
}

static void loading_may_be_refused(void **state)
{
	struct engine_rig r;
	size_t refused = 0;
	char *right = NULL;
	(void)state;
	/* Granted everything first; the store is written anew for each attempt. */
	for (enum vr_err err = VR_E_NOMEM; err; refused++) {
		rig_init(&r);
		assert_int_equal(tell(&r), VR_OK);
		rig_drop(&r);
		err = attempt_second(&r, right ? refused - 1 : SIZE_MAX);
		if (!right) {
			assert_int_equal(err, VR_OK);
			assert_non_null(strstr(r.text, "alert Many a resolved"));
			right = strdup(r.text);
			err = VR_E_NOMEM;
		}
		need_no_half(&r, strcmp(r.text, right) == 0 ? VR_OK : err, right);
		rig_done(&r);
		assert_true(refused < REFUSALS_MOST);
	}
	assert_true(refused > 100);
	free(right);
}

static void no_memory_for_an_engine(void **state)
{
	struct engine_rig r;
	(void)state;
	rig_init(&r);
	rig_drop(&r);
	for (size_t left = 0;; left++) {
		r.counted.left = left;
		enum vr_err err = rig_born(&r);
		if (!err)
			break;
		assert_int_equal(err, VR_E_NOMEM);
		assert_int_equal(r.counted.bytes, 0);
	}
	r.counted.left = SIZE_MAX;
	rig_done(&r);
}

static int compile_rules(void **state)
{
	static const struct vr_pair labels[] = {{VR_STR("severity"), VR_STR("page")}};
	static const struct vr_pair notes[] = {
		{VR_STR("summary"), VR_STR("{{ $labels.content_id }} has {{ $value }}")}};
	const struct vr_rule_spec specs[] = {
		{.alert = VR_STR("Many"), .expr = VR_STR("unique_sharers > 2"), .labels = labels, .n_labels = 1,
			.annotations = notes, .n_annotations = 1},
		{.alert = VR_STR("Hot"), .expr = VR_STR("shares{window=\"1m\"} >= 1"), .for_ = {30000}},
		{.alert = VR_STR("Loud"), .expr = VR_STR("likes_total{channel=\"ch3\"} >= 1")},
	};
	static struct vr_mem mem;
	struct vr_rule_error at[4];
	struct vr_rule_errors errors = {.at = at, .cap = 4};
	struct vr_windows w = {.n = 2, .width_ms = {2000, 10000}, .name = {"1m", "5m"}};
	(void)state;
	mem = vr_mem_heap();
	return vr_rules_compile(specs, 3, &w, &mem, &rules, &errors);
}

static int free_rules(void **state)
{
	(void)state;
	vr_rules_free(rules);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_may_be_refused),
		cmocka_unit_test(loading_may_be_refused),
		cmocka_unit_test(no_memory_for_an_engine),
	};
	return cmocka_run_group_tests(tests, compile_rules, free_rules);
}
