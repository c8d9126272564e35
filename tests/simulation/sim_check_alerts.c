/* SPDX-License-Identifier: Apache-2.0 */
/* sim_check_alerts.c - what was said to people is what the fold decided: each once, in order, nothing below
 * said.off. */
#include "sim_check.h"

static const struct vr_alert *transitions(const struct sim_ref *r)
{
	return r->engine->alerts.at;
}

/* ------------------------------------------------------------------ the stream ---- */

static const struct sim_value *stream_of(const struct sim_server *v)
{
	return sim_db_find(&v->redis->db[SIM_ALERTS_DB], VR_STR("vir:alerts"));
}

static struct vr_str entry_field(const struct sim_entry *e, struct vr_str wanted)
{
	size_t pos = 0;
	for (size_t i = 0; i + 1 < e->count; i += 2) {
		struct vr_str name = sim_entry_part(e, &pos), value = sim_entry_part(e, &pos);
		if (vr_str_eq(name, wanted))
			return value;
	}
	return (struct vr_str){NULL, 0};
}

/* The partition's next entry, or NULL. */
static const struct sim_entry *next_entry(
	const struct sim_server *v, int part, struct sim_ref *r, size_t skip)
{
	const struct sim_value *stream = stream_of(v);
	while (stream && r->cursor < stream->n) {
		const struct sim_entry *e = &stream->entries[r->cursor++];
		if (sim_number(entry_field(e, VR_STR("partition"))) != part)
			continue;
		if (skip == 0)
			return e;
		skip--;
	}
	return NULL;
}

struct fields {
	struct sim *s;
	const struct sim_entry *e;
	size_t pos, n;
};

static void compare_field(void *ctx, const char *name, struct vr_str text)
{
	struct fields *f = ctx;
	if (f->n + 1 >= f->e->count) {
		f->n += 2;
		return;
	}
	struct vr_str stored_name = sim_entry_part(f->e, &f->pos), stored = sim_entry_part(f->e, &f->pos);
	f->n += 2;
	if (!vr_str_eq(stored_name, vr_str_c(name)) || !vr_str_eq(stored, text))
		sim_fail(f->s, "alert: %.*s is '%.*s', the fold gives %s '%.*s'", (int)stored_name.n, stored_name.p,
			(int)stored.n, stored.p, name, (int)text.n, text.p);
}

/* Its hash holds the same fields while nothing later was said of it. */
static void check_hash(struct sim *s, const struct sim_server *v, const struct sim_entry *e)
{
	char key[10 + VR_ALERT_ID_LEN] = "vir:alert:";
	struct vr_str id = entry_field(e, VR_STR("id")), updated;
	memcpy(key + 10, id.p, id.n);
	const struct sim_value *hash = sim_db_find(&v->redis->db[SIM_ALERTS_DB], (struct vr_str){key, 10 + id.n});
	if (!sim_field(hash, "updated_ms", &updated) ||
		sim_number(updated) < sim_number(entry_field(e, VR_STR("updated_ms"))))
		sim_fail(s, "alert %.*s is in the stream, but its own hash is older or missing", (int)id.n, id.p);
}

static void expect_entry(
	struct sim *s, struct sim_server *v, int part, struct sim_ref *r, const struct vr_alert *a)
{
	const struct sim_entry *e = next_entry(v, part, r, 0);
	if (!e) {
		sim_fail(s, "partition %d: alert %s %s at offset %lld was not announced", part, a->id,
			vr_alert_state_name(a->state), (long long)a->at_offset);
		return;
	}
	struct fields f = {.s = s, .e = e};
	vr_buf_clear(&v->check->a);
	vr_alert_fields(a, &v->check->a, compare_field, &f);
	if (!s->failed && f.n != e->count)
		sim_fail(s, "alert %s has %zu words in the stream, not %zu", a->id, e->count, f.n);
	if (!s->failed)
		check_hash(s, v, e);
	s->totals->hit[a->state == VR_ALERT_FIRING ? SIM_HIT_SAW_FIRING : SIM_HIT_SAW_RESOLVED]++;
	s->totals->hit[SIM_HIT_SAW_FORGOTTEN] += a->reason == VR_REASON_FORGOTTEN;
	s->totals->hit[SIM_HIT_SAW_REMOVED] += a->reason == VR_REASON_RULE_REMOVED;
}

/* ------------------------------------------------------------------ what is open, what was said ---- */

static ptrdiff_t find_open(const struct sim_ref *r, const char *id)
{
	for (size_t i = 0; i < r->n_open; i++)
		if (memcmp(r->open[i].id, id, VR_ALERT_ID_LEN) == 0)
			return (ptrdiff_t)i;
	return -1;
}

static struct sim_said *find_said(struct sim_ref *r, const char *id)
{
	for (size_t i = 0; i < r->n_said; i++)
		if (memcmp(r->said[i].id, id, VR_ALERT_ID_LEN) == 0)
			return &r->said[i];
	return NULL;
}

static void drop_said(struct sim_ref *r, struct sim_said *a)
{
	*a = r->said[--r->n_said];
}

static struct sim_said *add_said(struct sim_ref *r, const char *id)
{
	VR_ASSERT(r->n_said < SIM_SAID);
	struct sim_said *a = &r->said[r->n_said++];
	*a = (struct sim_said){0};
	memcpy(a->id, id, VR_ALERT_ID_LEN);
	return a;
}

static void follow_open(struct sim_ref *r, const struct vr_alert *a, size_t transition)
{
	ptrdiff_t at = find_open(r, a->id);
	bool open = a->state == VR_ALERT_PENDING || a->state == VR_ALERT_FIRING;
	if (!open && at >= 0) {
		r->open[at] = r->open[--r->n_open];
	} else if (open) {
		VR_ASSERT(r->n_open < SIM_SAID);
		at = at < 0 ? (ptrdiff_t)r->n_open++ : at;
		r->open[at] = (struct sim_said){.firing = a->state == VR_ALERT_FIRING, .transition = transition};
		memcpy(r->open[at].id, a->id, VR_ALERT_ID_LEN + 1);
	}
}

/* ------------------------------------------------------------------ the order of things ---- */

/* What stood in `active` when the fold began anew. */
static void inherit(const struct sim_gen *gen, struct sim_ref *r)
{
	for (size_t i = 0; i < gen->n_inherited; i++) {
		struct sim_said *a = add_said(r, gen->inherited[i].id);
		a->firing = gen->inherited[i].firing;
		a->inherited = true;
	}
}

/* What is pending there and was told to nobody is told of from here on. */
static void adopt(struct sim *s, struct sim_ref *r)
{
	for (size_t i = 0; i < r->n_open; i++) {
		if (r->open[i].firing || find_said(r, r->open[i].id))
			continue;
		struct sim_said *a = add_said(r, r->open[i].id);
		a->inherited = true; /* its figures are those of that moment, not of the transition */
		s->totals->hit[SIM_HIT_SAW_ADOPTED]++;
	}
}

/* At said.off: what the new fold does not know ends with reason `switch`, in any order. */
static void reconcile(struct sim *s, struct sim_server *v, int part, struct sim_ref *r)
{
	size_t fired = 0;
	r->reached = true;
	for (size_t i = 0; i < r->n_said; i++)
		fired += r->said[i].firing && find_open(r, r->said[i].id) < 0;
	for (size_t i = r->n_said; i-- > 0;)
		if (!r->said[i].firing && find_open(r, r->said[i].id) < 0)
			drop_said(r, &r->said[i]);
	for (; fired > 0 && !s->failed; fired--) {
		const struct sim_entry *e = next_entry(v, part, r, 0);
		struct sim_said *a = e ? find_said(r, entry_field(e, VR_STR("id")).p) : NULL;
		if (!a || !vr_str_eq(entry_field(e, VR_STR("state")), VR_STR("resolved")) ||
			!vr_str_eq(entry_field(e, VR_STR("reason")), VR_STR("switch"))) {
			sim_fail(
				s, "partition %d: an alert that the new fold does not know was not ended at said.off", part);
			return;
		}
		drop_said(r, a);
		s->totals->hit[SIM_HIT_SAW_SWITCH]++;
	}
	adopt(s, r);
}

static void follow(
	struct sim *s, struct sim_server *v, int part, struct sim_ref *r, const struct sim_gen *gen, size_t i)
{
	const struct vr_alert *a = &transitions(r)[i];
	bool silent = a->at_offset < gen->said_off || i < gen->transitions;
	if (!r->reached && !silent)
		reconcile(s, v, part, r);
	follow_open(r, a, i);
	struct sim_said *said = find_said(r, a->id);
	bool open = a->state == VR_ALERT_PENDING || a->state == VR_ALERT_FIRING;
	if (silent || (!a->begins && !said)) {
		s->totals->hit[SIM_HIT_SAW_SILENCE]++;
		return;
	}
	if (a->state == VR_ALERT_FIRING || (a->state == VR_ALERT_RESOLVED && a->was_firing))
		expect_entry(s, v, part, r, a);
	s->totals->hit[SIM_HIT_SAW_PENDING] += a->state == VR_ALERT_PENDING;
	if (!open) {
		if (said)
			drop_said(r, said);
		return;
	}
	if (!said)
		said = add_said(r, a->id);
	said->firing = a->state == VR_ALERT_FIRING;
	said->inherited = false;
	said->transition = i;
}

/* ------------------------------------------------------------------ `active` and `said` ---- */

static void check_said(struct sim *s, struct sim_server *v, int part, struct sim_ref *r)
{
	const struct sim_value *said = sim_own_key(v, SIM_ALERTS_DB, part, "said");
	const struct sim_value *active = sim_db_find(&v->redis->db[SIM_ALERTS_DB], VR_STR("vir:alerts:active"));
	char field[2 + VR_ALERT_ID_LEN + 1] = "a:";
	size_t n = 0;
	for (size_t i = 0; said && i < said->n; i++)
		n += said->items[i].na == 2 + VR_ALERT_ID_LEN;
	if (n != r->n_said)
		sim_fail(s, "partition %d: `said` holds %zu alerts, the fold announced %zu that are open", part, n,
			r->n_said);
	for (size_t i = 0; i < r->n_said && !s->failed; i++) {
		struct sim_said *a = &r->said[i];
		struct vr_str state, json;
		memcpy(field + 2, a->id, sizeof(a->id));
		if (!sim_field(said, field, &state) ||
			!vr_str_eq(state, a->firing ? VR_STR("firing") : VR_STR("pending")))
			sim_fail(s, "partition %d: `said` does not hold %s as %s", part, a->id,
				a->firing ? "firing" : "pending");
		else if (!sim_field(active, a->id, &json))
			sim_fail(s, "partition %d: %s is not in `active`", part, a->id);
		if (s->failed || a->inherited)
			continue;
		vr_buf_clear(&v->check->a);
		vr_alert_json(&transitions(r)[a->transition], true, &v->check->a);
		if (!vr_str_eq(json, vr_buf_str(&v->check->a)))
			sim_fail(s, "partition %d: %s in `active` is %.*s, the fold gives %.*s", part, a->id, (int)json.n,
				json.p, (int)v->check->a.n, v->check->a.p);
	}
}

/* Ids in `active` of this partition, told by their JSON. */
static void check_active(struct sim *s, struct sim_server *v, int part, struct sim_ref *r)
{
	const struct sim_value *active = sim_db_find(&v->redis->db[SIM_ALERTS_DB], VR_STR("vir:alerts:active"));
	char wanted[] = "\"partition\":0,";
	size_t n = 0;
	wanted[12] = (char)('0' + part);
	for (size_t i = 0; active && i < active->n; i++)
		n += memmem(sim_item_b(&active->items[i]).p, sim_item_b(&active->items[i]).n, wanted,
				 sizeof(wanted) - 1) != NULL;
	if (n != r->n_said)
		sim_fail(s, "partition %d: `active` holds %zu alerts, %zu were announced and are open", part, n,
			r->n_said);
}

/* A claim moves the offset without a cut: said.off follows with the next. */
static bool is_moved_by_claim(
	const struct sim_server *v, int part, const struct sim_ref *r, const struct sim_gen *gen)
{
	bool moved = r->off == gen->base;
	for (size_t i = 0; i < v->n_gap; i++)
		moved |= v->gap[i].part == part && v->gap[i].to == r->off;
	return moved;
}

static void check_offsets(
	struct sim *s, struct sim_server *v, int part, const struct sim_ref *r, const struct sim_gen *gen)
{
	const struct sim_value *said = sim_own_key(v, SIM_ALERTS_DB, part, "said");
	struct vr_str off;
	int64_t want = r->off > gen->said_off ? r->off : gen->said_off;
	int64_t have = sim_field(said, "off", &off) ? sim_number(off) : 0;
	if (have != want && !is_moved_by_claim(v, part, r, gen))
		sim_fail(s, "partition %d: said.off is %lld, not %lld", part, (long long)have, (long long)want);
}

static void begin(struct sim_server *v, int part, struct sim_ref *r, const struct sim_gen *gen)
{
	if (r->begun)
		return;
	r->begun = true;
	inherit(gen, r);
	if (gen->entries > 0)
		(void)next_entry(v, part, r, gen->entries - 1);
}

/* The first cut of a fold that begins at or above said.off ends them at once, even if it passes no record. */
static bool may_reconcile(const struct sim_server *v, int part, const struct sim_ref *r, const struct sim_gen *gen)
{
	struct vr_str seq;
	bool cut = sim_field(sim_own_key(v, v->db, part, "own"), "seq", &seq) && sim_number(seq) > 0;
	return r->off >= gen->said_off && (cut || (r->off > gen->floor && !is_moved_by_claim(v, part, r, gen)));
}

void sim_check_alerts(struct sim *s, struct sim_server *v, int part)
{
	struct sim_ref *r = &v->check->ref[part];
	struct sim_gen *gen = sim_gen_of(v, part);
	if (s->failed || v->db != SIM_LIVE_DB) /* a shadow says nothing to anybody */
		return;
	begin(v, part, r, gen);
	if (gen->switched && !gen->counted) {
		gen->counted = true;
		gen->transitions = r->engine->alerts.n;
	}
	for (; r->transitions < r->engine->alerts.n && !s->failed; r->transitions++)
		follow(s, v, part, r, gen, r->transitions);
	if (!s->failed && !r->reached && may_reconcile(v, part, r, gen))
		reconcile(s, v, part, r);
	if (s->failed)
		return;
	const struct sim_entry *more = next_entry(v, part, r, 0);
	if (more) {
		struct vr_str id = entry_field(more, VR_STR("id")), state = entry_field(more, VR_STR("state")),
					  reason = entry_field(more, VR_STR("reason"));
		sim_fail(s, "partition %d: alert %.*s %.*s %.*s was announced, but the fold does not have it", part,
			(int)id.n, id.p, (int)state.n, state.p, (int)reason.n, reason.p);
	}
	if (!s->failed)
		check_said(s, v, part, r);
	if (!s->failed)
		check_active(s, v, part, r);
	if (!s->failed)
		check_offsets(s, v, part, r, gen);
}
