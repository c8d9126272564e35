/* SPDX-License-Identifier: Apache-2.0 */
/* sim_events.c - what producers write: few contents and few people, so that everything meets everything. */
#include "sim.h"

static const char *const channel_name[] = {
	"weibo", "qq", "wechat", "x", "mail", "unknown", "qzone", "douyin", "red", "line", "c11", "c12"};
static const char long_title[] = "A title that is so long that it does not fit into the small hash of a "
								 "view, \xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc";
static const char long_url[] = "https://example.org/a/path/that/is/longer/than/sixty/bytes/for/sure.html?q=1";

static struct vr_str keep(struct sim *s, const char *p, size_t n)
{
	struct vr_str copy;
	VR_ASSERT(vr_arena_dup(&s->arena, (struct vr_str){p, n}, &copy) == VR_OK);
	return copy;
}

static struct vr_str text_of(struct sim *s, const char *prefix, uint64_t number)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%s%llu", prefix, (unsigned long long)number);
	return keep(s, text, (size_t)n);
}

static enum vr_action draw_action(struct sim *s)
{
	uint64_t k = vr_random_below(&s->random, 20);
	if (k < 11)
		return VR_ACTION_SHARE;
	if (k < 14)
		return VR_ACTION_UNSHARE;
	return k < 16 ? VR_ACTION_LIKE : (enum vr_action)vr_random_below(&s->random, VR_ACTIONS_MAX);
}

/* Around now, for the most part; sometimes late, sometimes ahead, sometimes unknown. */
static struct vr_wall draw_time(struct sim *s)
{
	int64_t now = sim_wall(s).ms;
	switch (vr_random_below(&s->random, 24)) {
	case 0:
		return (struct vr_wall){0};
	case 1:
		return (struct vr_wall){now + sim_between(s, 1, 240000)};
	case 2:
		return (struct vr_wall){now + sim_between(s, 300000, 900000)};
	case 3:
		return (struct vr_wall){now - sim_between(s, 60000, 7200000)};
	case 4:
		return (struct vr_wall){now - sim_between(s, 3600000, 90000000)};
	case 5:
	case 6:
	case 7:
		return (struct vr_wall){now - sim_between(s, 1000, 400000)};
	default:
		return (struct vr_wall){now - sim_between(s, 0, 3000)};
	}
}

/* Of the Kafka record: mostly the clock; sometimes a broker's clock is far ahead, sometimes there is none. */
static struct vr_wall draw_kafka_time(struct sim *s)
{
	if (!s->mood.miskeyed && sim_once_in(s, 40))
		return (struct vr_wall){0};
	if (sim_once_in(s, 40))
		return (struct vr_wall){sim_wall(s).ms + sim_between(s, 3000000, 8000000)};
	return (struct vr_wall){sim_wall(s).ms - (sim_once_in(s, 4) ? sim_between(s, 0, 60000) : 0)};
}

static struct vr_str draw_content(struct sim *s, int part)
{
	if (s->mood.miskeyed && sim_once_in(s, 4))
		return s->fixed->id[SIM_MISKEYED];
	return s->fixed->id[part * 6 + (int)(vr_random_below(&s->random, 36) % (sim_once_in(s, 2) ? 2 : 6))];
}

static void draw_texts(struct sim *s, struct vr_event *ev)
{
	if (sim_once_in(s, 4))
		ev->title =
			sim_once_in(s, 3) ? vr_str_c(long_title) : text_of(s, "title ", vr_random_below(&s->random, 3));
	if (sim_once_in(s, 6))
		ev->url = sim_once_in(s, 3) ? vr_str_c(long_url) : VR_STR("https://example.org/1");
	if (sim_once_in(s, 8))
		ev->content_type = VR_STR("video");
	if (sim_once_in(s, 8))
		ev->author_id = VR_STR("author");
}

static void draw_tree(struct sim *s, struct vr_event *ev)
{
	if (sim_once_in(s, 3)) {
		ev->parent_event_id = text_of(s, "e", vr_random_below(&s->random, s->next_id + 1));
		ev->depth = (uint32_t)vr_random_below(&s->random, 4);
	}
	if (ev->action == VR_ACTION_UNSHARE && sim_once_in(s, 2))
		ev->parent_event_time = (struct vr_wall){sim_wall(s).ms - sim_between(s, 0, 120000)};
}

static struct vr_event draw_event(struct sim *s, int part)
{
	struct vr_event ev = {.count = 1,
		.action = draw_action(s),
		.content_id = draw_content(s, part),
		.event_time = draw_time(s)};
	unsigned channels = s->mood.burst ? 12 : 5;
	ev.channel = vr_str_c(channel_name[vr_random_below(&s->random, channels)]);
	if (!sim_once_in(s, 6))
		ev.event_id =
			text_of(s, "e", sim_once_in(s, 5) ? vr_random_below(&s->random, s->next_id + 1) : s->next_id++);
	if (!sim_once_in(s, 6))
		ev.actor_id = text_of(s, "u", vr_random_below(&s->random, s->mood.burst ? 200 : 6));
	if (sim_once_in(s, 8))
		ev.count = sim_once_in(s, 8) ? 1000000000 : (uint32_t)sim_between(s, 2, 5);
	draw_texts(s, &ev);
	draw_tree(s, &ev);
	return ev;
}

static void encode(struct sim *s, struct sim_record *r)
{
	struct vr_buf b;
	vr_buf_init(&b, &s->heap);
	vr_codec_event_proto(&r->event, &b);
	VR_ASSERT(!b.failed);
	r->value = keep(s, b.p, b.n);
	r->has_value = true;
	vr_buf_done(&b);
	r->key = r->event.content_id;
	r->has_key = true;
}

static void draw_poison(struct sim *s, struct sim_record *r)
{
	static const struct {
		const char *bytes;
		enum vr_err err;
	} bad[] = {
		{"{\"action\":\"share\"", VR_E_DECODE},
		{"{\"action\":\"shar\",\"content_id\":\"a0\"}", VR_E_ACTION},
		{"{\"action\":\"share\"}", VR_E_CONTENT_ID},
	};
	size_t i = vr_random_below(&s->random, sizeof(bad) / sizeof(bad[0]));
	r->value = vr_str_c(bad[i].bytes);
	r->poison = bad[i].err;
	r->has_value = true;
}

static void draw_record(struct sim *s, int part, struct sim_record *r)
{
	r->time = draw_kafka_time(s);
	if (sim_once_in(s, s->mood.poison)) {
		draw_poison(s, r);
	} else if (sim_once_in(s, 30)) {
		r->tick = sim_once_in(s, 2);
		r->has_value = r->tick;
		r->has_key = !r->tick;
		r->key = r->tick ? (struct vr_str){NULL, 0} : s->fixed->id[part * 6];
	} else {
		r->event = draw_event(s, part);
		r->is_event = true;
		encode(s, r);
	}
}

static struct sim_record *add_record(struct sim *s, struct sim_log *log)
{
	if (log->n == SIM_RECORDS)
		return NULL;
	struct sim_record *r = vr_arena_alloc(&s->arena, sizeof(*r));
	VR_ASSERT(r);
	*r = (struct sim_record){.offset = log->end + (sim_once_in(s, 30) ? sim_between(s, 1, 2) : 0)};
	log->at[log->n++] = r;
	log->end = r->offset + 1;
	s->totals->records++;
	return r;
}

/* Many people, one content: until a sketch must count them. */
static void append_burst(struct sim *s, int part, struct sim_log *log)
{
	for (int i = 0; i < 90; i++) {
		struct sim_record *r = add_record(s, log);
		if (!r)
			return;
		r->time = sim_wall(s);
		r->is_event = true;
		r->event = draw_event(s, part);
		r->event.action = VR_ACTION_SHARE;
		r->event.content_id = s->fixed->id[part * 6];
		r->event.event_time = sim_wall(s);
		r->event.event_id = (struct vr_str){NULL, 0};
		r->event.parent_event_time = (struct vr_wall){0};
		r->event.actor_id = text_of(s, "u", (uint64_t)i);
		encode(s, r);
	}
}

void sim_events_append(struct sim *s, int part, unsigned n)
{
	struct sim_log *log = sim_log_of(s, part);
	if (s->mood.burst && sim_once_in(s, s->mood.burst)) {
		append_burst(s, part, log);
		s->mood.burst = 1000;
	}
	for (unsigned i = 0; i < n; i++) {
		struct sim_record *r = add_record(s, log);
		if (!r)
			return;
		draw_record(s, part, r);
		sim_tell(s, "record %d:%lld time %lld %s %.*s event time %lld count %u id %.*s", part,
			(long long)r->offset, (long long)r->time.ms,
			r->is_event ? vr_action_name(r->event.action)
			: r->poison ? "poison"
			: r->tick   ? "tick"
						: "tombstone",
			(int)r->event.content_id.n, r->event.content_id.p ? r->event.content_id.p : "",
			(long long)r->event.event_time.ms, r->event.count, (int)r->event.event_id.n,
			r->event.event_id.p ? r->event.event_id.p : "");
	}
}
