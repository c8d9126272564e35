/* SPDX-License-Identifier: Apache-2.0 */
/* sim_check_content.c - the stored state of a content, its places in the index and the timers. */
#include "sim_check.h"

/* ------------------------------------------------------------------ two states as the same bytes ---- */

static void encode_all(const struct vr_content *c, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_clear(b);
	vr_content_encode(c, w, b);
	if (c->uniques.is_sketch)
		vr_uniques_encode(&c->uniques, b);
	if (c->n_chan > VR_CONTENT_INLINE_CHANNELS)
		vr_content_encode_channels(c, w, b);
	VR_ASSERT(!b->failed);
}

/* A set's rule that has been away since is void when it is loaded. */
static void drop_void_rules(const struct vr_engine *e, struct vr_content *c)
{
	for (unsigned i = c->n_rules; i-- > 0;)
		if (c->rules_no < vr_rule_since(e, c->rule[i].key))
			vr_content_rule_drop(c, c->rule[i].key);
}

/* A minute that stream time has left is closed when its content is loaded. Returns the minute it leaves open,
 * -1 for none. */
static int64_t close_minute(const struct vr_engine *e, struct vr_pool *pool, struct vr_content *c)
{
	if (!c->open || c->open->minute >= vr_bucket_of(e->stream.ms, VR_MINUTE_MS))
		return -1;
	int64_t minute = c->open->minute;
	vr_pool_put(pool, c->open, sizeof(*c->open));
	c->open = NULL;
	c->late = 0;
	return minute;
}

static struct vr_content *decode(struct sim *s, struct sim_server *v, int part, struct vr_str id)
{
	struct sim_check *k = v->check;
	const struct vr_windows *w = &s->fixed->windows;
	struct vr_str state = sim_text(sim_slot_key(v, part, "c:", id));
	struct vr_content *c = vr_content_new(&k->pool, id, vr_hash64(id));
	VR_ASSERT(c);
	enum vr_err err = vr_content_decode(c, &k->pool, w, state);
	if (!err && vr_content_wants_channels(state))
		err = vr_content_decode_channels(c, &k->pool, w, sim_text(sim_slot_key(v, part, "h:", id)));
	struct vr_rd rd = vr_rd_of(sim_text(sim_slot_key(v, part, "u:", id)));
	if (!err && vr_content_wants_uniques(state))
		err = vr_uniques_decode(&c->uniques, &k->pool, &rd);
	if (err)
		sim_fail(
			s, "partition %d: the state of %.*s cannot be read: %s", part, (int)id.n, id.p, vr_err_name(err));
	return c;
}

static void say_content(struct sim *s, const char *who, const struct vr_content *c)
{
	char line[600];
	int n = snprintf(line, sizeof(line),
		"%s: records %llu first %lld/%lld last %lld/%lld hour %d rules_no %u late %llu depth "
		"%llu/%llu/%llu/%u "
		"trend %.6f n_rules %u chans %u home %u open %lld shares %llu",
		who, (unsigned long long)c->records, (long long)c->first.ms, (long long)c->first_off,
		(long long)c->last.ms, (long long)c->last_off, c->hour, c->rules_no, (unsigned long long)c->late,
		(unsigned long long)c->depth_sum, (unsigned long long)c->depth_n, (unsigned long long)c->depth_roots,
		c->depth_max, c->trend, c->n_rules, c->n_chan, c->home, c->open ? (long long)c->open->minute : -1LL,
		(unsigned long long)vr_tally_total(&c->tally, VR_ACTION_SHARE));
	VR_ASSERT(n > 0);
	sim_say(s, "%s", line);
}

/* The reference's own is not advanced: its views may still have to be rendered for an earlier time. */
static struct vr_content *clone(struct sim_check *k, const struct vr_content *c, const struct vr_windows *w)
{
	struct vr_content *copy = vr_content_new(&k->pool, c->id, c->hash);
	VR_ASSERT(copy);
	vr_buf_clear(&k->b);
	vr_content_encode(c, w, &k->b);
	VR_ASSERT(vr_content_decode(copy, &k->pool, w, vr_buf_str(&k->b)) == VR_OK);
	if (c->n_chan > VR_CONTENT_INLINE_CHANNELS) {
		vr_buf_clear(&k->b);
		vr_content_encode_channels(c, w, &k->b);
		VR_ASSERT(vr_content_decode_channels(copy, &k->pool, w, vr_buf_str(&k->b)) == VR_OK);
	}
	if (c->uniques.is_sketch) {
		vr_buf_clear(&k->b);
		vr_uniques_encode(&c->uniques, &k->b);
		struct vr_rd rd = vr_rd_of(vr_buf_str(&k->b));
		VR_ASSERT(vr_uniques_decode(&copy->uniques, &k->pool, &rd) == VR_OK);
	}
	return copy;
}

static void bring_to(struct vr_content *c, const struct vr_engine *e, struct vr_buf *b)
{
	c->view_at = (struct vr_wall){0};
	vr_content_advance(c, &e->config.windows, e->stream);
	encode_all(c, &e->config.windows, b);
}

/* How many rules of the set are in force since that set, or an earlier one. */
static size_t in_force(const struct vr_engine *e, uint32_t no)
{
	size_t n = 0;
	for (size_t i = 0; i < e->since.n; i++)
		n += ((const struct vr_since *)e->since.at)[i].no <= no;
	return n;
}

/* A set that was given has had two numbers; whatever is asked of them has the same answer. */
static void renumber(const struct vr_engine *e, const struct sim_gen *gen, struct vr_content *stored, uint32_t no)
{
	if (gen->given && in_force(e, stored->rules_no) == in_force(e, no))
		stored->rules_no = no;
}

static int64_t compare(struct sim *s, struct sim_server *v, int part, const struct vr_content *c)
{
	struct sim_check *k = v->check;
	const struct vr_engine *e = k->ref[part].engine;
	const struct vr_windows *w = &s->fixed->windows;
	struct vr_content *stored = decode(s, v, part, c->id), *fold = clone(k, c, w);
	if (!s->failed && (!vr_content_check(stored, w) || !vr_content_check(c, w)))
		sim_fail(s, "partition %d: %.*s breaks an invariant", part, (int)c->id.n, c->id.p);
	drop_void_rules(e, stored);
	renumber(e, sim_gen_of(v, part), stored, fold->rules_no);
	int64_t minute = close_minute(e, &k->pool, stored);
	bring_to(stored, e, &k->a);
	bring_to(fold, e, &k->b);
	if (!s->failed && !vr_str_eq(vr_buf_str(&k->a), vr_buf_str(&k->b))) {
		sim_fail(s, "partition %d: the state of %.*s is not that of the fold", part, (int)c->id.n, c->id.p);
		say_content(s, "stored", stored);
		say_content(s, "fold", fold);
	}
	for (unsigned i = 0; i < c->n_rules; i++)
		s->totals->hit[SIM_HIT_SAW_SUPPRESSED] += c->rule[i].state == VR_ALERT_SUPPRESSED;
	s->totals->hit[SIM_HIT_SAW_CONTENT]++;
	s->totals->hit[SIM_HIT_SAW_SKETCH] += c->uniques.is_sketch;
	s->totals->hit[SIM_HIT_SAW_CHANNELS] += c->n_chan > VR_CONTENT_INLINE_CHANNELS;
	vr_content_free(stored, &k->pool, w);
	vr_content_free(fold, &k->pool, w);
	return minute;
}

/* ------------------------------------------------------------------ index and timers ---- */

static bool rank_of(const struct sim_value *zset, struct vr_str id, double *ret)
{
	ptrdiff_t i = zset && zset->type == SIM_ZSET ? sim_items_find(zset, id) : -1;
	if (i >= 0)
		*ret = zset->items[i].score;
	return i >= 0;
}

static void check_ranks(struct sim *s, struct sim_server *v, int part, const struct vr_content *c)
{
	double hour = -1, timer;
	bool indexed = rank_of(sim_own_key(v, v->db, part, "idx"), c->id, &hour);
	bool timed = rank_of(sim_own_key(v, v->db, part, "timers"), c->id, &timer);
	if (!indexed || (int64_t)hour != c->hour)
		sim_fail(s, "partition %d: the index has %.*s at hour %lld, the fold at %d", part, (int)c->id.n,
			c->id.p, (long long)hour, c->hour);
	if (timed != vr_content_has_alert(c))
		sim_fail(s, "partition %d: %.*s is %s the timers", part, (int)c->id.n, c->id.p,
			timed ? "wrongly in" : "not in");
	s->totals->hit[SIM_HIT_SAW_TIMER] += timed;
}

/* Not known to the fold: nothing is stored, or what is stored counts as forgotten and goes in a later cut. */
static void check_absent(struct sim *s, struct sim_server *v, int part, struct vr_str id)
{
	const struct vr_engine *e = v->check->ref[part].engine;
	double score;
	bool has_state = sim_slot_key(v, part, "c:", id) != NULL;
	bool indexed = rank_of(sim_own_key(v, v->db, part, "idx"), id, &score);
	if (has_state != indexed)
		sim_fail(s, "partition %d: %.*s has %s", part, (int)id.n, id.p,
			has_state ? "a state but no place in the index" : "no state but a place in the index");
	if (!has_state)
		return;
	struct vr_content *stored = decode(s, v, part, id);
	if (!s->failed && stored->hour >= vr_engine_forget_below(e)) {
		sim_fail(s, "partition %d: %.*s has a state that the fold does not know", part, (int)id.n, id.p);
		say_content(s, "stored", stored);
	}
	vr_content_free(stored, &v->check->pool, &s->fixed->windows);
}

void sim_check_content(struct sim *s, struct sim_server *v, int part, int i)
{
	struct vr_str id = s->fixed->id[i];
	struct sim_memo *memo = &v->check->memo[part][i];
	if (s->failed)
		return;
	struct vr_content *c = vr_engine_find(v->check->ref[part].engine, id, vr_hash64(id));
	if (!c || c->records == 0) {
		*memo = (struct sim_memo){0};
		check_absent(s, v, part, id);
		return;
	}
	struct vr_str state = sim_text(sim_slot_key(v, part, "c:", id));
	uint64_t hash = vr_hash64(state) ^ vr_hash64(sim_text(sim_slot_key(v, part, "u:", id))) * 3 ^
					vr_hash64(sim_text(sim_slot_key(v, part, "h:", id))) * 5;
	int64_t minute = -1;
	bool stale = state.n > 1 && (state.p[1] & 16) != 0; /* an open minute, which may be over by now */
	if (state.n == 0) {
		sim_fail(s, "partition %d: %.*s has no state, the fold has %llu records", part, (int)id.n, id.p,
			(unsigned long long)c->records);
		return;
	}
	if (c->dirty || stale || memo->state != hash)
		minute = compare(s, v, part, c);
	memo->state = hash;
	if (!s->failed)
		check_ranks(s, v, part, c);
	if (!s->failed)
		sim_check_view(s, v, part, i, c, minute);
}
