/* SPDX-License-Identifier: Apache-2.0 */
/* Draft to event and back. Every limit of an event is held here, whatever wire it came by. */
#include "read.h"
#include "virality/rfc3339.h"

#define NANOS_PER_MS 1000000
#define SECONDS_MAX (VR_WALL_MAX_MS / 1000)
#define CHANNEL_UNKNOWN VR_STR("unknown")

/* Where a text goes, how long it may be, and what its faults are called. Ids have one name for
 * all faults, because that tells the producer which id; other text says what is wrong with it. */
struct text_rule {
	size_t offset, max;
	const char *name;
	enum vr_err too_long, not_utf8, control, nul;
};

#define ID(field, e) {offsetof(struct vr_event, field), VR_CODEC_ID_MAX, #field, e, e, e, e}
#define TEXT(field, max)                                                                                     \
	{                                                                                                        \
		offsetof(struct vr_event, field), max, #field, VR_E_SIZE, VR_E_UTF8, VR_E_CONTROL, VR_E_NUL          \
	}

static const struct text_rule text_rules[_TEXT_MAX] = {
	[TEXT_EVENT_ID] = ID(event_id, VR_E_EVENT_ID),
	[TEXT_CONTENT_ID] = ID(content_id, VR_E_CONTENT_ID),
	[TEXT_CHANNEL] = {offsetof(struct vr_event, channel), VR_CODEC_CHANNEL_MAX, "channel",
		VR_E_CHANNEL, VR_E_CHANNEL, VR_E_CHANNEL, VR_E_CHANNEL},
	[TEXT_ACTOR_ID] = ID(actor_id, VR_E_ID),
	[TEXT_PARENT_EVENT_ID] = ID(parent_event_id, VR_E_ID),
	[TEXT_ROOT_EVENT_ID] = ID(root_event_id, VR_E_ID),
	[TEXT_CONTENT_TYPE] = TEXT(content_type, VR_CODEC_ID_MAX),
	[TEXT_TITLE] = TEXT(title, VR_CODEC_TITLE_MAX),
	[TEXT_URL] = TEXT(url, VR_CODEC_URL_MAX),
	[TEXT_AUTHOR_ID] = TEXT(author_id, VR_CODEC_ID_MAX),
};

struct time_rule {
	size_t offset;
	const char *name;
};

static const struct time_rule time_rules[_TIME_MAX] = {
	[TIME_EVENT] = {offsetof(struct vr_event, event_time), "event_time"},
	[TIME_PARENT] = {offsetof(struct vr_event, parent_event_time), "parent_event_time"},
	[TIME_DEADLINE] = {offsetof(struct vr_event, deadline), "deadline"},
};

static struct vr_str *text_at(struct vr_event *ev, size_t offset)
{
	return (struct vr_str *)((char *)ev + offset);
}

static struct vr_wall *time_at(struct vr_event *ev, size_t offset)
{
	return (struct vr_wall *)((char *)ev + offset);
}

/* Called for text that is too long or not clean: say which. */
static enum vr_err refuse_text(struct vr_diag *d, const struct text_rule *rule, struct vr_str s)
{
	if (s.n > rule->max)
		return vr_diag_set(d, rule->too_long, rule->name, "%zu bytes; at most %zu are taken", s.n, rule->max);
	if (memchr(s.p, '\0', s.n))
		return vr_diag_set(d, rule->nul, rule->name, "has a NUL byte in it");
	if (!vr_utf8_valid(s))
		return vr_diag_set(d, rule->not_utf8, rule->name, "is not valid UTF-8");
	return vr_diag_set(d, rule->control, rule->name, "has a control character in it");
}

enum vr_err vr_label_check(const struct reading *rd, struct vr_str s)
{
	static const struct text_rule rule = {
		0, VR_CODEC_RECORD_MAX, "labels", VR_E_SIZE, VR_E_UTF8, VR_E_CONTROL, VR_E_NUL};

	return s.n == 0 || vr_utf8_clean(s) ? VR_OK : refuse_text(rd->d, &rule, s);
}

static enum vr_err check_texts(const struct reading *rd, struct vr_event *ev)
{
	for (size_t i = 0; i < _TEXT_MAX; i++)
		*text_at(ev, text_rules[i].offset) = rd->draft.text[i];
	for (size_t i = 0; i < _TEXT_MAX; i++) {
		struct vr_str s = rd->draft.text[i];
		if (s.n > 0 && (s.n > text_rules[i].max || !vr_utf8_clean(s)))
			return refuse_text(rd->d, &text_rules[i], s);
	}
	if (ev->content_id.n == 0)
		return vr_diag_set(rd->d, VR_E_CONTENT_ID, "content_id", "is missing");
	return VR_OK;
}

static enum vr_err lower(struct vr_arena *arena, struct vr_str s, struct vr_str *ret)
{
	char *p = vr_arena_alloc(arena, s.n);

	if (!p)
		return VR_E_NOMEM;
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
	*ret = (struct vr_str){p, s.n};
	return VR_OK;
}

enum { CAPITAL = 1, BRACE = 2 };

static enum vr_err check_channel(const struct reading *rd, struct vr_str *channel)
{
	static const unsigned char traits[256] = {['A' ... 'Z'] = CAPITAL, ['{'] = BRACE, ['}'] = BRACE};
	unsigned found = 0;

	if (channel->n == 0) {
		*channel = CHANNEL_UNKNOWN;
		return VR_OK;
	}
	for (size_t i = 0; i < channel->n; i++)
		found |= traits[(unsigned char)channel->p[i]];
	if (found & BRACE)
		return vr_diag_set(rd->d, VR_E_CHANNEL, "channel", "has a brace in it");
	if (channel->p[0] == '_')
		return vr_diag_set(
			rd->d, VR_E_CHANNEL, "channel", "begins with '_', which is kept for virality itself");
	return found & CAPITAL ? lower(rd->arena, *channel, channel) : VR_OK;
}

static enum vr_err check_times(const struct reading *rd, struct vr_event *ev)
{
	for (size_t i = 0; i < _TIME_MAX; i++) {
		struct draft_stamp t = rd->draft.time[i];
		if (t.seconds < 0 || t.seconds > SECONDS_MAX || t.nanos < 0 || t.nanos >= 1000 * NANOS_PER_MS)
			return vr_diag_set(rd->d, VR_E_RANGE, time_rules[i].name,
				"%lld s and %d ns is not in 1970 to 9999", (long long)t.seconds, (int)t.nanos);
		time_at(ev, time_rules[i].offset)->ms = t.seconds * 1000 + t.nanos / NANOS_PER_MS;
	}
	return VR_OK;
}

/* Enums are 32 bits on the wire, whatever a varint holds. */
static uint32_t enum_num(const struct reading *rd, enum draft_num i, uint32_t max)
{
	uint32_t v = (uint32_t)rd->draft.num[i];

	if (v <= max)
		return v;
	rd->stats->unknown_enums++;
	return 0;
}

static enum vr_err check_nums(const struct reading *rd, struct vr_event *ev)
{
	const uint64_t *num = rd->draft.num;
	uint32_t action = (uint32_t)num[NUM_ACTION];

	if (action == 0 || action > VR_ACTIONS_MAX)
		return vr_diag_set(rd->d, VR_E_ACTION, "action",
			action ? "number %u is not known" : "is missing or not known", action);
	if (num[NUM_COUNT] > UINT32_MAX || num[NUM_DEPTH] > UINT32_MAX)
		return vr_diag_set(rd->d, VR_E_RANGE, num[NUM_COUNT] > UINT32_MAX ? "count" : "depth",
			"is negative or has more than 32 bits");
	ev->action = action - 1;
	ev->count = num[NUM_COUNT] ? (uint32_t)num[NUM_COUNT] : 1;
	ev->depth = (uint32_t)num[NUM_DEPTH];
	ev->audience_size = num[NUM_AUDIENCE_SIZE];
	ev->scope = enum_num(rd, NUM_SCOPE, VR_SCOPE_FEED);
	ev->motive = enum_num(rd, NUM_MOTIVE, VR_MOTIVE_VALUES);
	ev->tie = enum_num(rd, NUM_TIE, VR_TIE_WEAK);
	ev->incentivized = num[NUM_INCENTIVIZED] != 0;
	return VR_OK;
}

enum vr_err vr_draft_check(const struct reading *rd, struct vr_event *ret_ev)
{
	struct vr_event ev;
	enum vr_err err = check_texts(rd, &ev);

	if (!err)
		err = check_nums(rd, &ev);
	if (!err)
		err = check_times(rd, &ev);
	if (!err)
		err = check_channel(rd, &ev.channel);
	if (!err)
		*ret_ev = ev;
	return err;
}

struct draft_stamp vr_stamp_of(struct vr_wall t)
{
	return (struct draft_stamp){t.ms / 1000, (int32_t)(t.ms % 1000 * NANOS_PER_MS)};
}

void vr_draft_of(const struct vr_event *ev, struct draft *ret)
{
	struct vr_event copy = *ev;

	for (size_t i = 0; i < _TEXT_MAX; i++)
		ret->text[i] = *text_at(&copy, text_rules[i].offset);
	for (size_t i = 0; i < _TIME_MAX; i++)
		ret->time[i] = vr_stamp_of(*time_at(&copy, time_rules[i].offset));
	if (vr_str_eq(ev->channel, CHANNEL_UNKNOWN))
		ret->text[TEXT_CHANNEL].n = 0;
	ret->num[NUM_ACTION] = ev->action + 1;
	ret->num[NUM_DEPTH] = ev->depth;
	ret->num[NUM_AUDIENCE_SIZE] = ev->audience_size;
	ret->num[NUM_SCOPE] = ev->scope;
	ret->num[NUM_COUNT] = ev->count == 1 ? 0 : ev->count;
	ret->num[NUM_MOTIVE] = ev->motive;
	ret->num[NUM_TIE] = ev->tie;
	ret->num[NUM_INCENTIVIZED] = ev->incentivized;
}
