/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include "unit.h"
#include "virality/err.h"
#include "virality/event.h"

static void names_are_words_for_metrics(void **state)
{
	(void)state;
	for (int i = 0; i < _VR_ERR_MAX; i++) {
		const char *name = vr_err_name((enum vr_err)i);
		assert_true(*name);
		for (const char *p = name; *p; p++)
			assert_true(islower(*p) || isdigit(*p) || *p == '_');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, vr_err_name((enum vr_err)k));
		assert_true(*vr_err_text((enum vr_err)i));
	}
	assert_string_equal(vr_err_name(VR_OK), "ok");
	assert_string_equal(vr_err_name(VR_E_TIME_AHEAD), "time_ahead");
	assert_string_equal(vr_err_name(VR_E_UTF8), "utf8");
	assert_string_equal(vr_err_name(VR_E_UNSUPPORTED), "unsupported");
}

static void verdicts_follow(void **state)
{
	(void)state;
	assert_int_equal(vr_err_verdict(VR_OK), VR_VERDICT_OK);
	assert_int_equal(vr_err_verdict(VR_E_DECODE), VR_VERDICT_POISON);
	assert_int_equal(vr_err_verdict(VR_E_GAP), VR_VERDICT_STOP);
	assert_int_equal(vr_err_verdict(VR_E_FENCED), VR_VERDICT_REWIND);
	assert_int_equal(vr_err_verdict((enum vr_err)9999), VR_VERDICT_FATAL);
}

static void diag_is_cut_not_overrun(void **state)
{
	struct vr_diag d;
	char *longer = (char[2000]){0};

	(void)state;
	memset(longer, 'x', 1999);
	assert_int_equal(vr_diag_set(&d, VR_E_CONFIG, longer, "%s", longer), VR_E_CONFIG);
	assert_int_equal(strlen(d.where), sizeof(d.where) - 1);
	assert_int_equal(strlen(d.text), sizeof(d.text) - 1);
	assert_int_equal(vr_diag_set(&d, VR_E_AWAY, NULL, "port %d", 7), VR_E_AWAY);
	assert_string_equal(d.where, "");
	assert_string_equal(d.text, "port 7");
	assert_int_equal(vr_diag_set(NULL, VR_E_AWAY, "", "not said"), VR_E_AWAY);
}

static void actions_have_names(void **state)
{
	(void)state;
	assert_int_equal(VR_ACTIONS_MAX, 13);
	assert_string_equal(vr_action_name(VR_ACTION_SHARE), "share");
	assert_string_equal(vr_action_plural(VR_ACTION_SHARE), "shares");
	assert_string_equal(vr_action_name(VR_ACTION_REPORT), "report");
	assert_string_equal(vr_action_plural(VR_ACTION_SHARE_INTENT), "share_intents");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_words_for_metrics),
		cmocka_unit_test(verdicts_follow),
		cmocka_unit_test(diag_is_cut_not_overrun),
		cmocka_unit_test(actions_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
