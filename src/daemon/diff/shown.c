/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - the totals of a content that live shows to people. State that is right proves nothing about what was written of it. */
#include "parts.h"

static const char *const total[VR_ACTIONS_MAX] = {
#define X(up, low, plural) [VR_ACTION_##up] = #plural "_total",
	VR_ACTIONS(X)
#undef X
};

void vr_diff_ask_shown(struct vr_diff *f, struct vr_str id)
{
	vr_cmd(&f->page.cmds, 2 + VR_ACTIONS_MAX, "HMGET");
	vr_key_content(&f->page.cmds, &f->keys, id, "");
	for (int i = 0; i < VR_ACTIONS_MAX; i++)
		vr_cmd_c(&f->page.cmds, total[i]);
}

static const struct vr_diff_state *find(const struct vr_diff_state *state, size_t n, struct vr_str id)
{
	for (size_t i = 0; i < n; i++)
		if (vr_str_eq(state[i].id, id))
			return &state[i];
	return NULL;
}

/* One that nobody is shown has none of them. */
const struct vr_reply *vr_diff_shown(const struct vr_diff_state *state, size_t n, struct vr_str id)
{
	const struct vr_diff_state *s = find(state, n, id);
	for (size_t i = 0; s && s->shown && i < s->shown->n; i++)
		if (s->shown->elem[i].type == VR_REPLY_STR)
			return s->shown;
	return NULL;
}

bool vr_diff_is_shown(const struct vr_reply *shown, const struct vr_diff_item *item, struct vr_str *ret)
{
	*ret = (struct vr_str){NULL, 0};
	for (size_t i = 0; i < VR_ACTIONS_MAX && item->view == VR_VIEW_CONTENT; i++) {
		if (!vr_str_eq(item->name, vr_str_c(total[i])))
			continue;
		if (shown->elem[i].type == VR_REPLY_STR)
			*ret = shown->elem[i].str;
		return vr_str_eq(*ret, item->value);
	}
	return true;
}
