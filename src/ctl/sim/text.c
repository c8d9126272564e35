/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#define PREFIX_LEN 8U

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void vr_sim_text_init(struct vr_sim_text *t, uint64_t seed)
{
	uint64_t bits = vr_sim_mix64(seed);

	*t = (struct vr_sim_text){.seed = seed};
	for (unsigned i = 0; i < PREFIX_LEN; i++, bits >>= 5)
		t->prefix[i] = digits[bits & 31];
}

/* kind, prefix, "-", number in base 36; nothing for number 0. */
static struct vr_str make_id(const struct vr_sim_text *t, char kind, uint64_t number, char *out)
{
	char reversed[16];
	size_t n = 0, len = 0;

	if (!number)
		return (struct vr_str){0};
	out[len++] = kind;
	memcpy(out + len, t->prefix, PREFIX_LEN);
	len += PREFIX_LEN;
	out[len++] = '-';
	for (; number; number /= 36)
		reversed[n++] = digits[number % 36];
	while (n)
		out[len++] = reversed[--n];
	return (struct vr_str){out, len};
}

static struct vr_str make_url(struct vr_sim_text *t, struct vr_str content)
{
	static const struct vr_str base = VR_STR("https://example.org/p/");

	memcpy(t->url, base.p, base.n);
	memcpy(t->url + base.n, content.p, content.n);
	return (struct vr_str){t->url, base.n + content.n};
}

/* Six in ten share for the content's usual motive, the others for any. */
static enum vr_motive motive_of(const struct vr_sim_traits *traits, uint64_t dice)
{
	return dice % 10 < 6 ? traits->motive : (enum vr_motive)(1 + (dice >> 8) % 5);
}

static void add_share(struct vr_sim_text *t, const struct vr_sim_act *act, const struct vr_sim_traits *traits,
	struct vr_event *ev)
{
	ev->title = (struct vr_str){t->title, vr_sim_title(traits, t->title)};
	ev->url = make_url(t, ev->content_id);
	ev->author_id = make_id(t, 'a', 1 + traits->bits % 5000, t->author);
	ev->audience_size = act->audience;
	ev->depth = act->depth;
	ev->motive = motive_of(traits, vr_sim_mix64(act->event));
	ev->incentivized = act->incentivized;
}

void vr_sim_text_event(struct vr_sim_text *t, const struct vr_sim_act *act, struct vr_event *ret_ev)
{
	struct vr_sim_traits traits = vr_sim_traits_of(t->seed, act->content);

	*ret_ev = (struct vr_event){
		.event_id = make_id(t, 'e', act->event, t->event),
		.content_id = make_id(t, 'c', act->content, t->content),
		.content_type = vr_sim_content_type(&traits),
		.channel = vr_sim_channel_at(act->channel)->name,
		.actor_id = make_id(t, 'u', act->actor, t->actor),
		.parent_event_id = make_id(t, 'e', act->parent, t->parent),
		.root_event_id = make_id(t, 'e', act->root, t->root),
		.event_time = {act->time_ms},
		.parent_event_time = {act->parent_ms},
		.deadline = {act->deadline_ms},
		.count = 1,
		.action = (enum vr_action)act->action,
		.scope = (enum vr_scope)act->scope,
		.tie = (enum vr_tie)act->tie,
	};
	if (act->action == VR_ACTION_SHARE)
		add_share(t, act, &traits, ret_ev);
}
