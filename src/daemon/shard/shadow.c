/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include <stdio.h>

enum { HEAR_OFF = 1, HEAR_RULES, HEAR_RULES_N, HEAR_REFUSED, HEAR_REFUSED_N };
enum { ASK_MS = 200, ASK_SELDOM_MS = 5000, SHOW_MS = 20, SHOW_MOST = 512 };

static const struct vr_taken_rules *rules_of(const struct vr_buf *b) { return (const void *)b->p; }
static const int64_t *refused_of(const struct vr_buf *b) { return (const void *)b->p; }
static size_t rules_in(const struct vr_buf *b) { return b->n / sizeof(struct vr_taken_rules); }
static size_t refused_in(const struct vr_buf *b) { return b->n / sizeof(int64_t); }

void vr_shadow_init(struct vr_shard *s)
{
	vr_buf_init(&s->live.rules, s->mem);
	vr_buf_init(&s->live.refused, s->mem);
	vr_buf_init(&s->live.homes, s->mem);
	vr_arena_init(&s->live.texts, s->mem, 0);
}

void vr_shadow_done(struct vr_shard *s)
{
	vr_buf_done(&s->live.rules);
	vr_buf_done(&s->live.refused);
	vr_buf_done(&s->live.homes);
	vr_arena_done(&s->live.texts);
}

void vr_shadow_reset(struct vr_shard *s)
{
	vr_buf_clear(&s->live.rules);
	vr_buf_clear(&s->live.refused);
	s->live.exists = s->live.unsure = s->live.came_up = s->live.shows = s->live.cut_short = false;
	s->live.off = s->live.reach = 0;
	s->live.next_rules = s->live.granted = 0;
}

/* ------------------------------------------------ what live says ----------------------- */

static void ask_list(struct vr_shard *s, const char *name, size_t known)
{
	vr_cmd(&s->cmds, 4, "LRANGE");
	vr_key_own(&s->cmds, &s->keys, name);
	vr_cmd_i64(&s->cmds, (int64_t)known);
	vr_cmd_i64(&s->cmds, -1);
}

static void ask_length(struct vr_shard *s, const char *name)
{
	vr_cmd(&s->cmds, 2, "LLEN");
	vr_key_own(&s->cmds, &s->keys, name);
}

/* The offset first: what is in the lists then holds at least up to it. */
void vr_shadow_ask(struct vr_shard *s)
{
	vr_cmd_select(&s->cmds, s->config.shadow->live_db);
	vr_cmd(&s->cmds, 4, "HMGET");
	vr_key_own(&s->cmds, &s->keys, "own");
	vr_cmd_c(&s->cmds, "off");
	vr_cmd_c(&s->cmds, "base_offset");
	ask_list(s, "rules", rules_in(&s->live.rules));
	ask_length(s, "rules");
	ask_list(s, "refused", refused_in(&s->live.refused));
	ask_length(s, "refused");
	vr_cmd_select(&s->cmds, s->keys.live_db);
}

/* "3 1200": set 3 from offset 1200 on. */
static bool read_rules(const struct vr_reply *entry, struct vr_taken_rules *ret)
{
	const char *blank = entry->type == VR_REPLY_STR ? memchr(entry->str.p, ' ', entry->str.n) : NULL;
	if (!blank)
		return false;
	size_t n = (size_t)(blank - entry->str.p);
	struct vr_reply no = {.type = VR_REPLY_STR, .str = {entry->str.p, n}}, off = {.type = VR_REPLY_STR, .str = {blank + 1, entry->str.n - n - 1}};
	int64_t number;
	if (!vr_reply_i64(&no, &number) || !vr_reply_i64(&off, &ret->off))
		return false;
	ret->no = (uint32_t)number;
	return true;
}

static bool add_rules(struct vr_buf *b, const struct vr_reply *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct vr_taken_rules taken;
		if (!read_rules(&list->elem[i], &taken))
			return false;
		vr_buf_add(b, &taken, sizeof(taken));
	}
	return true;
}

static bool add_refused(struct vr_buf *b, const struct vr_reply *list)
{
	for (size_t i = 0; i < list->n; i++) {
		int64_t off;
		if (!vr_reply_i64(&list->elem[i], &off))
			return false;
		vr_buf_add(b, &off, sizeof(off));
	}
	return true;
}

enum vr_err vr_shadow_hear(struct vr_shard *s, const struct vr_reply *r, struct vr_diag *d)
{
	int64_t off = 0;
	for (size_t i = 0; i < VR_SHADOW_ASKS; i++)
		if (r[i].type == VR_REPLY_ERROR)
			return vr_diag_set(d, vr_reply_error_class(&r[i]), "redis", "%s", r[i].str.p);
	bool back = false;
	const struct vr_reply *own = &r[HEAR_OFF];
	s->live.exists = own->n == 2 && vr_reply_i64(&own->elem[0], &off);
	s->live.base = 0;
	if (s->live.exists && !vr_reply_i64(&own->elem[1], &s->live.base))
		s->live.base = 0;
	back |= off < s->live.off || (s->live.unsure && off >= s->record.off);
	s->live.off = off;
	s->live.asked = s->world->mono(s->world->ctx);
	back |= r[HEAR_RULES_N].integer < (int64_t)rules_in(&s->live.rules) || r[HEAR_REFUSED_N].integer < (int64_t)refused_in(&s->live.refused);
	if (back)
		return vr_diag_set(d, VR_E_FENCED, "redis", "live went back, it is at offset %lld", (long long)off);
	if (!add_rules(&s->live.rules, &r[HEAR_RULES]) || !add_refused(&s->live.refused, &r[HEAR_REFUSED]))
		return vr_diag_set(d, VR_E_CORRUPT, "redis", "what live noted of rule sets and refused records of %.*s:%d cannot be read. "
			"Restore Redis, or fold live anew with: viralctl accept %.*s:%d --rebuild", (int)s->part.topic.n, s->part.topic.p,
			s->part.partition, (int)s->part.topic.n, s->part.topic.p, s->part.partition);
	return s->live.rules.failed || s->live.refused.failed ? VR_E_NOMEM : VR_OK;
}

/* ------------------------------------------------ how far ------------------------------ */

int64_t vr_shadow_limit(const struct vr_shard *s)
{
	const struct vr_shadow *sh = s->config.shadow;
	int64_t live = s->live.exists ? s->live.off : sh->lost ? INT64_MAX : 0;
	return live < sh->end ? live : sh->end;
}

int64_t vr_shadow_from(const struct vr_shard *s) { return s->seam ? s->record.last.off : s->record.off; }

bool vr_shadow_has_time(const struct vr_shard *s)
{
	const struct vr_shadow *sh = s->config.shadow;
	return sh && sh->hurries && s->live.came_up && sh->end == INT64_MAX && !atomic_load(sh->hurries);
}

bool vr_shadow_waits(const struct vr_shard *s)
{
	int64_t limit = vr_shadow_limit(s);
	return limit <= vr_shadow_from(s) || (s->live.cut_short && limit <= s->live.reach);
}

/* Where it waits for live it looks once whether there are records at all before its own end: live passes no others. */
int64_t vr_shadow_room(const struct vr_shard *s)
{
	int64_t end = s->config.shadow->end;
	if (vr_shadow_waits(s))
		return end != INT64_MAX && !s->live.cut_short && s->live.reach < end;
	return vr_shadow_limit(s) - vr_shadow_from(s);
}

static int64_t next_boundary(const struct vr_shard *s)
{
	bool more = s->config.shadow->rules == VR_SHADOW_RULES_LIVE && s->live.next_rules < rules_in(&s->live.rules);
	return more ? rules_of(&s->live.rules)[s->live.next_rules].off : INT64_MAX;
}

enum vr_err vr_shadow_run(struct vr_shard *s, const struct vr_feed_item *items, size_t n, size_t *ret_n)
{
	int64_t limit = vr_shadow_limit(s);
	*ret_n = 0;
	if (items[0].offset >= limit) {
		s->live.reach = items[0].offset > s->live.reach ? items[0].offset : s->live.reach;
		s->live.cut_short = s->at_end = true;
		return VR_OK;
	}
	enum vr_err err = vr_shadow_follow(s, items[0].offset);
	int64_t next = next_boundary(s);
	while (*ret_n < n && items[*ret_n].offset < limit && items[*ret_n].offset < next)
		(*ret_n)++;
	return err;
}

static bool was_refused(const struct vr_shard *s, int64_t offset)
{
	const int64_t *at = refused_of(&s->live.refused);
	size_t low = 0, high = refused_in(&s->live.refused);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (at[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < refused_in(&s->live.refused) && at[low] == offset;
}

struct vr_wall vr_shadow_latest(const struct vr_shard *s, int64_t offset, struct vr_wall clock)
{
	if (!s->live.exists || offset < s->live.base)
		return clock;
	return (struct vr_wall){was_refused(s, offset) ? INT64_MIN : INT64_MAX};
}

/* ------------------------------------------------ rules -------------------------------- */

static enum vr_err take_set(struct vr_shard *s, uint32_t no, int64_t off)
{
	uint32_t found = 0;
	const struct vr_rules *rules = s->world->rules(s->world->ctx, no, &found);
	/* The list is read about once a second. */
	return rules ? vr_shard_take_rules(s, rules, no, off) : VR_E_BUSY;
}

/* The set to begin with: live's at that offset, or the first it ever had. Gives the index behind it. */
static size_t first_set(const struct vr_taken_rules *list, size_t n, int64_t off)
{
	size_t i = 1;
	while (i < n && list[i].off <= off)
		i++;
	return i;
}

static enum vr_err follow_live(struct vr_shard *s, int64_t up_to)
{
	const struct vr_taken_rules *list = rules_of(&s->live.rules);
	size_t n = rules_in(&s->live.rules);
	enum vr_err err = VR_OK;
	if (n == 0)
		return s->live.exists ? VR_OK : vr_shard_follow_rules(s);
	if (s->record.rules == 0) {
		s->live.next_rules = first_set(list, n, s->record.off);
		err = take_set(s, list[s->live.next_rules - 1].no, s->record.off);
	}
	while (!err && s->live.next_rules < n && (list[s->live.next_rules].no <= s->record.rules || list[s->live.next_rules].off <= up_to)) {
		const struct vr_taken_rules *next = &list[s->live.next_rules];
		if (next->no > s->record.rules)
			err = take_set(s, next->no, next->off);
		s->live.next_rules += err == VR_OK;
	}
	return err;
}

enum vr_err vr_shadow_follow(struct vr_shard *s, int64_t up_to)
{
	switch (s->config.shadow->rules) {
	case VR_SHADOW_RULES_LIVE: return follow_live(s, up_to);
	case VR_SHADOW_RULES_LAST: return vr_shard_follow_rules(s);
	default: return s->record.rules ? VR_OK : vr_shard_follow_rules(s);
	}
}

/* ------------------------------------------------ does live still say so? -------------- */

/* Both have decided from here on. */
static int64_t common_base(const struct vr_shard *s) { return s->record.base_off > s->live.base ? s->record.base_off : s->live.base; }

static bool same_rules(const struct vr_shard *s, const struct vr_buf *own)
{
	const struct vr_taken_rules *mine = rules_of(own), *list = rules_of(&s->live.rules);
	size_t n = rules_in(own), m = rules_in(&s->live.rules);
	if (n == 0 || m == 0 || s->record.off <= common_base(s))
		return n == 0 || m > 0;
	/* From where both have any: of several that were taken up at one place the last has judged. */
	int64_t from = mine[0].off > list[0].off ? mine[0].off : list[0].off;
	from = from > common_base(s) ? from : common_base(s);
	size_t i = first_set(mine, n, from), at = first_set(list, m, from);
	while (at > 0 && list[at - 1].no != mine[i - 1].no)	/* live may have taken up one more there since */
		at--;
	if (at == 0)
		return false;
	for (; i < n; i++, at++)
		if (at >= m || mine[i].no != list[at].no || mine[i].off != list[at].off)
			return false;
	return at >= m || list[at].off >= s->record.off;
}

static size_t first_from(const int64_t *list, size_t n, int64_t off)
{
	size_t i = 0;
	while (i < n && list[i] < off)
		i++;
	return i;
}

static bool same_refused(const struct vr_shard *s, const struct vr_buf *own)
{
	const int64_t *mine = refused_of(own), *all = refused_of(&s->live.refused);
	size_t n = refused_in(own), m = refused_in(&s->live.refused), at = first_from(all, m, common_base(s));
	for (size_t i = first_from(mine, n, common_base(s)); i < n; i++, at++)
		if (at >= m || mine[i] != all[at])
			return false;
	return at >= m || all[at] >= s->record.off;
}

static enum vr_err read_own(struct vr_shard *s, struct vr_buf *rules, struct vr_buf *refused, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmds_clear(&s->cmds);
	vr_owner_load_begin(&s->owner, &s->cmds);
	ask_list(s, "rules", 0);
	ask_list(s, "refused", 0);
	vr_owner_load_end(&s->owner, &s->cmds);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = vr_owner_loaded(&s->owner, &r, &r, d);
	if (!err && (!add_rules(rules, &r.at[0]) || !add_refused(refused, &r.at[1])))
		err = VR_E_CORRUPT;
	return err;
}

enum vr_err vr_shadow_agrees(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_buf rules, refused;
	vr_buf_init(&rules, s->mem);
	vr_buf_init(&refused, s->mem);
	s->live.unsure = s->live.exists && s->record.off > s->live.off;
	bool compares = s->live.exists && !s->live.unsure, follows = s->config.shadow->rules == VR_SHADOW_RULES_LIVE;
	enum vr_err err = compares ? read_own(s, &rules, &refused, d) : VR_OK;
	if (!err && compares && ((follows && !same_rules(s, &rules)) || !same_refused(s, &refused)))
		err = vr_diag_set(d, VR_E_STATE_LOST, "redis", "live of %.*s:%d was folded anew or went back, and no longer judged or refused what this "
			"replay did. %s", (int)s->part.topic.n, s->part.topic.p, s->part.partition, vr_shard_way_out(s, "", "").text);
	vr_buf_done(&rules);
	vr_buf_done(&refused);
	return err;
}

/* ------------------------------------------------ time passes -------------------------- */

static enum vr_err look_at_live(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmds_clear(&s->cmds);
	vr_shadow_ask(s);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	return err ? err : vr_shadow_hear(s, r.at, d);
}

static struct vr_mono next_look(const struct vr_shard *s)
{
	return vr_mono_add(s->live.asked, (struct vr_span){vr_shadow_has_time(s) ? ASK_SELDOM_MS : ASK_MS});
}

/* Not to be waited for by others: views that nobody has seen yet, minutes at the very end. */
static bool has_more(const struct vr_shard *s)
{
	return vr_shadow_is_showing(s) || (!vr_shadow_has_time(s) && vr_engine_minutes_wait(s->engine) > 0);
}

/* Many small cuts: live's stand in line with them. */
static struct vr_mono next_turn(const struct vr_shard *s) { return vr_mono_add(s->live.turned, (struct vr_span){SHOW_MS}); }

void vr_shadow_turn(struct vr_shard *s)
{
	struct vr_mono now = s->world->mono(s->world->ctx);
	if (!s->at_end || !vr_shadow_is_showing(s) || s->live.granted > 0 || !vr_mono_reached(now, next_turn(s)))
		return;
	s->live.turned = now;
	s->live.granted = s->world->turn(s->world->ctx, SHOW_MOST);
}

struct vr_mono vr_shadow_due(const struct vr_shard *s)
{
	struct vr_mono look = next_look(s);
	struct vr_mono more = vr_shadow_is_showing(s) ? next_turn(s) : vr_mono_add(s->last_cut, s->config.cut_interval);
	return has_more(s) && more.ms < look.ms ? more : look;
}

enum vr_err vr_shadow_tick(struct vr_shard *s, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	bool waits = vr_shadow_waits(s) || s->live.reach >= vr_shadow_limit(s);
	s->at_end |= waits;
	s->live.came_up |= waits;
	if (waits && vr_mono_reached(s->world->mono(s->world->ctx), next_look(s)))
		err = look_at_live(s, d);
	return err || s->record.off > vr_shadow_limit(s) ? err : vr_shadow_follow(s, s->record.off);
}

/* ------------------------------------------------ views ------------------------------- */

bool vr_shadow_unseen(const struct vr_shard *s) { return s->config.shadow && !s->live.shows; }
bool vr_shadow_is_showing(const struct vr_shard *s) { return !s->record.shown && !vr_shadow_unseen(s); }

enum vr_err vr_shadow_show(struct vr_shard *s)
{
	const struct vr_shadow *sh = s->config.shadow;
	bool alone = sh->alone && atomic_load(sh->alone), comes = s->full || (s->live.came_up && (alone || !vr_shadow_has_time(s)));
	if (s->live.shows || sh->viewless || !s->walked || !comes)
		return VR_OK;
	s->live.shows = s->boards_due = true;
	return s->record.shown ? VR_OK : vr_engine_views(s->engine, VR_VIEWS_COME);
}

bool vr_shadow_quiet(struct vr_shard *s)
{
	bool at_limit = s->record.off >= vr_shadow_limit(s) || s->live.reach >= vr_shadow_limit(s);
	return at_limit && (s->record.complete || s->evicted) && s->record.shown && s->record.off == s->stored_off && s->taken.n == 0 &&
	       !vr_engine_has_changes(s->engine, vr_wall_max(s->record.view, s->record.stream));
}

/* ------------------------------------------------ homes -------------------------------- */

enum vr_err vr_shadow_homes(struct vr_shard *s, size_t from, size_t n, bool *ret_own, struct vr_diag *d)
{
	struct vr_replies r;
	char own[VR_TOPIC_MAX + 16];
	int len = snprintf(own, sizeof(own), "%.*s:%d", (int)s->part.topic.n, s->part.topic.p, s->part.partition);
	vr_cmds_clear(&s->cmds);
	vr_cmd_select(&s->cmds, s->config.shadow->live_db);
	for (size_t i = 0; i < n; i++) {
		vr_cmd(&s->cmds, 3, "HGET");
		vr_key_content(&s->cmds, &s->keys, vr_engine_wanted_id(s->engine, from + i), "");
		vr_cmd_c(&s->cmds, "home");
	}
	vr_cmd_select(&s->cmds, s->keys.live_db);
	enum vr_err err = vr_shard_exchange(s, &r, d);
	vr_buf_clear(&s->live.homes);
	vr_arena_reset(&s->live.texts);
	*ret_own = true;
	for (size_t i = 0; i < n && !err; i++) {
		const struct vr_reply *home = &r.at[1 + i];
		struct vr_str text = {NULL, 0};
		if (home->type == VR_REPLY_STR)
			err = vr_arena_dup(&s->live.texts, home->str, &text);
		*ret_own &= text.n == 0 || vr_str_eq(text, (struct vr_str){own, (size_t)len});
		vr_buf_add(&s->live.homes, &text, sizeof(text));
	}
	return err ? err : s->live.homes.failed ? VR_E_NOMEM : VR_OK;
}

struct vr_str vr_shadow_home(const struct vr_shard *s, size_t i) { return ((const struct vr_str *)(const void *)s->live.homes.p)[i]; }
