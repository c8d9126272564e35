/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"
#include "virality/buf.h"
#include "virality/codec.h"
#include "virality/rfc3339.h"
#include "virality/v1/event.pb-c.h"

static struct vr_wall wall_of(const Google__Protobuf__Timestamp *t)
{
	return (struct vr_wall){t ? t->seconds * 1000 + t->nanos / 1000000 : 0};
}

static int known(int number, int max)
{
	return number >= 0 && number <= max ? number : 0;
}

/* Our meaning of a message, from its generated form. Channels are compared in lower case. */
static struct vr_event event_of(const Virality__V1__Event *m)
{
	return (struct vr_event){
		.event_id = vr_str_c(m->event_id),
		.content_id = vr_str_c(m->content_id),
		.content_type = vr_str_c(m->content_type),
		.title = vr_str_c(m->title),
		.url = vr_str_c(m->url),
		.author_id = vr_str_c(m->author_id),
		.channel = *m->channel ? vr_str_c(m->channel) : VR_STR("unknown"),
		.actor_id = vr_str_c(m->actor_id),
		.parent_event_id = vr_str_c(m->parent_event_id),
		.root_event_id = vr_str_c(m->root_event_id),
		.event_time = wall_of(m->event_time),
		.parent_event_time = wall_of(m->parent_event_time),
		.deadline = wall_of(m->deadline),
		.audience_size = m->audience_size,
		.depth = m->depth,
		.count = m->count ? m->count : 1,
		.action = (enum vr_action)(m->action - 1),
		.scope = (enum vr_scope)known((int)m->scope, VR_SCOPE_FEED),
		.motive = (enum vr_motive)known((int)m->motive, VR_MOTIVE_VALUES),
		.tie = (enum vr_tie)known((int)m->tie, VR_TIE_WEAK),
		.incentivized = m->incentivized,
	};
}

static void lower(char *z)
{
	for (; *z; z++)
		if (*z >= 'A' && *z <= 'Z')
			*z |= 0x20;
}

const char *vr_event_differs(const struct vr_event *a, const struct vr_event *b)
{
#define TEXT(f) if (!vr_str_eq(a->f, b->f)) return #f;
#define TIME(f) if (a->f.ms != b->f.ms) return #f;
#define NUM(f) if (a->f != b->f) return #f;
	TEXT(event_id) TEXT(content_id) TEXT(content_type) TEXT(title) TEXT(url) TEXT(author_id) TEXT(channel)
	TEXT(actor_id) TEXT(parent_event_id) TEXT(root_event_id)
	TIME(event_time) TIME(parent_event_time) TIME(deadline)
	NUM(audience_size) NUM(depth) NUM(count) NUM(action) NUM(scope) NUM(motive) NUM(tie) NUM(incentivized)
	return NULL;
#undef TEXT
#undef TIME
#undef NUM
}

/* Whether a sub-message comes twice. The specification says they are merged; protobuf-c lets an
 * empty one win. bytes are well-formed: protobuf-c has read them. */
static bool repeats_a_time(struct vr_str bytes)
{
	struct vr_rd r = vr_rd_of(bytes);
	uint32_t seen = 0;

	while (r.p < r.end && !r.failed) {
		uint64_t tag = vr_rd_varint(&r), number = tag >> 3;
		uint32_t bit = number == 2 || number == 8 || number == 22 ? 1U << number : 0;
		if (seen & bit)
			return true;
		seen |= bit;
		if ((tag & 7) == 0)
			(void)vr_rd_varint(&r);
		else if ((tag & 7) == 2)
			(void)vr_rd_lstr(&r);
		else
			(void)vr_rd_bytes(&r, (tag & 7) == 1 ? 8 : 4);
	}
	return false;
}

const char *vr_reference_differs(struct vr_str bytes, const struct vr_event *ev)
{
	Virality__V1__Event *m = virality__v1__event__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
	struct vr_event theirs;
	const char *field;

	if (!m)
		return "value";
	lower(m->channel);
	theirs = event_of(m);
	if (repeats_a_time(bytes)) {
		theirs.event_time = ev->event_time;
		theirs.parent_event_time = ev->parent_event_time;
		theirs.deadline = ev->deadline;
	}
	field = vr_event_differs(ev, &theirs);
	virality__v1__event__free_unpacked(m, NULL);
	return field;
}

/* Clean text of at most max bytes: ASCII, and characters of two, three and four bytes. */
static struct vr_str random_text(
	struct vr_random *r, struct vr_arena *arena, size_t max, const char *const *extra)
{
	static const char ascii[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.:/ ";
	static const char *const wide[] = {"\xc3\xa4", "\xe5\xbe\xae", "\xf0\x9f\x98\x80", "\xc2\xa0"};
	size_t n = vr_random_below(r, vr_random_below(r, 4) ? 24 : max + 1);
	char *p = vr_arena_alloc(arena, max + 4);
	size_t at = 0;

	VR_ASSERT(p);
	if (n > max)
		n = max;
	while (at < n) {
		const char *c = (const char[]){ascii[vr_random_below(r, sizeof(ascii) - 1)], '\0'};
		if (vr_random_below(r, 8) == 0)
			c = (extra && vr_random_below(r, 2) ? extra : wide)[vr_random_below(r, 4)];
		if (at + strlen(c) > n)
			break;
		memcpy(p + at, c, strlen(c));
		at += strlen(c);
	}
	return (struct vr_str){p, at};
}

static struct vr_str maybe_text(struct vr_random *r, struct vr_arena *arena, size_t max)
{
	static const char *const hard[] = {"\"", "\\", "{", "}"};

	return vr_random_below(r, 3) ? random_text(r, arena, max, hard) : (struct vr_str){NULL, 0};
}

static struct vr_wall maybe_time(struct vr_random *r)
{
	return (struct vr_wall){vr_random_below(r, 3) ? (int64_t)vr_random_below(r, VR_WALL_MAX_MS + 1) : 0};
}

static struct vr_str channel(struct vr_random *r, struct vr_arena *arena)
{
	struct vr_str s = random_text(r, arena, VR_CODEC_CHANNEL_MAX, NULL);

	return s.n > 0 && s.p[0] != '_' ? s : VR_STR("unknown");
}

struct vr_event vr_random_event(struct vr_random *r, struct vr_arena *arena)
{
	struct vr_event ev = {
		.event_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.content_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.content_type = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.title = maybe_text(r, arena, VR_CODEC_TITLE_MAX),
		.url = maybe_text(r, arena, VR_CODEC_URL_MAX),
		.author_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.channel = channel(r, arena),
		.actor_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.parent_event_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.root_event_id = maybe_text(r, arena, VR_CODEC_ID_MAX),
		.event_time = maybe_time(r),
		.parent_event_time = maybe_time(r),
		.deadline = maybe_time(r),
		.audience_size = vr_random_scaled(r),
		.depth = (uint32_t)vr_random_scaled(r),
		.count = (uint32_t)vr_random_scaled(r),
		.action = (enum vr_action)vr_random_below(r, VR_ACTIONS_MAX),
		.scope = (enum vr_scope)vr_random_below(r, VR_SCOPE_FEED + 1),
		.motive = (enum vr_motive)vr_random_below(r, VR_MOTIVE_VALUES + 1),
		.tie = (enum vr_tie)vr_random_below(r, VR_TIE_WEAK + 1),
		.incentivized = vr_random_below(r, 2),
	};

	if (ev.content_id.n == 0)
		ev.content_id = VR_STR("c");
	if (ev.count == 0)
		ev.count = 1;
	return ev;
}
