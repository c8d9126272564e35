/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/err.h"
#include "virality/event.h"

const char *vr_action_name(enum vr_action a)
{
	static const char *const names[] = {
#define X(up, low, plural) [VR_ACTION_##up] = #low,
		VR_ACTIONS(X)
#undef X
	};

	VR_ASSERT((unsigned)a < VR_ACTIONS_MAX);
	return names[a];
}

const char *vr_action_plural(enum vr_action a)
{
	static const char *const plurals[] = {
#define X(up, low, plural) [VR_ACTION_##up] = #plural,
		VR_ACTIONS(X)
#undef X
	};

	VR_ASSERT((unsigned)a < VR_ACTIONS_MAX);
	return plurals[a];
}
