/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_check.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ reading the server ---- */

static struct sim_value *find(const struct sim_server *v, int db, const char *key, size_t n)
{
	return sim_db_find(&v->redis->db[db], (struct vr_str){key, n});
}

/* "{vir:t:<p>}:" + a + b */
static struct sim_value *find_own(
	const struct sim_server *v, int db, int part, struct vr_str a, struct vr_str b)
{
	char key[400] = "{vir:" SIM_TOPIC ":0}:";
	size_t n = sizeof("{vir:" SIM_TOPIC ":0}:") - 1;
	key[n - 3] = (char)('0' + part);
	memcpy(key + n, a.p, a.n);
	if (b.n)
		memcpy(key + n + a.n, b.p, b.n);
	return find(v, db, key, n + a.n + b.n);
}

struct sim_value *sim_own_key(const struct sim_server *v, int db, int part, const char *name)
{
	return find_own(v, db, part, vr_str_c(name), VR_STR(""));
}

struct sim_value *sim_slot_key(const struct sim_server *v, int part, const char *slot, struct vr_str id)
{
	return find_own(v, v->db, part, vr_str_c(slot), id);
}

struct sim_value *sim_view_key(const struct sim_server *v, struct vr_str id, const char *suffix)
{
	char key[400] = "vir:c:{";
	size_t n = 7, m = strlen(suffix);
	memcpy(key + n, id.p, id.n);
	n += id.n;
	key[n++] = '}';
	memcpy(key + n, suffix, m);
	return find(v, v->db, key, n + m);
}

bool sim_field(const struct sim_value *hash, const char *name, struct vr_str *ret)
{
	ptrdiff_t i = hash && hash->type == SIM_HASH ? sim_items_find(hash, vr_str_c(name)) : -1;
	if (i >= 0)
		*ret = sim_item_b(&hash->items[i]);
	return i >= 0;
}

int64_t sim_number(struct vr_str s)
{
	int64_t v = 0;
	size_t i = s.n && s.p[0] == '-';
	for (; i < s.n; i++)
		v = v * 10 + (s.p[i] - '0');
	return s.n && s.p[0] == '-' ? -v : v;
}

struct vr_str sim_text(const struct sim_value *string)
{
	return string && string->type == SIM_STRING ? (struct vr_str){string->text, string->n}
												: (struct vr_str){NULL, 0};
}

uint64_t sim_hash_items(const struct sim_value *v)
{
	uint64_t h = v->n + 1;
	for (size_t i = 0; i < v->n; i++) {
		h ^= vr_hash64((struct vr_str){v->items[i].p, v->items[i].na + v->items[i].nb}) + v->items[i].na;
		h *= UINT64_C(0x9e3779b97f4a7c15);
	}
	return h;
}

static int64_t number_of(const struct sim_value *own, const char *name)
{
	struct vr_str s;
	return sim_field(own, name, &s) ? sim_number(s) : 0;
}

static uint64_t hex_of(struct vr_str s)
{
	char text[20] = "";
	memcpy(text, s.p, s.n < 16 ? s.n : 16);
	return strtoull(text, NULL, 16);
}

void sim_own_read(const struct sim *s, const struct sim_server *v, int part, struct sim_own *ret)
{
	struct vr_str hash;
	const struct sim_value *own = sim_own_key(v, v->db, part, "own");
	(void)s;
	*ret = (struct sim_own){.exists = own && own->type == SIM_HASH && sim_field(own, "off", &hash)};
	if (!ret->exists)
		return;
	ret->seq = number_of(own, "seq");
	ret->off = number_of(own, "off");
	ret->base = number_of(own, "base_offset");
	ret->stream = number_of(own, "stream_ms");
	ret->log = number_of(own, "log_ms");
	ret->view = number_of(own, "view_ms");
	ret->anchor = number_of(own, "anchor_ms");
	ret->rules = (uint32_t)number_of(own, "rules");
	ret->complete = number_of(own, "complete") != 0;
	ret->shown = number_of(own, "shown") != 0;
	ret->last_known = sim_field(own, "last_hash", &hash) && hash.n > 0;
	ret->last_off = number_of(own, "last_off");
	ret->last_ms = number_of(own, "last_ms");
	ret->last_hash = ret->last_known ? hex_of(hash) : 0;
}

/* ------------------------------------------------------------------ birth and death ---- */

struct sim_check *sim_check_new(struct sim *s)
{
	struct sim_check *k = calloc(1, sizeof(*k));
	VR_ASSERT(k);
	k->sim = s;
	vr_pool_init(&k->pool, &s->heap);
	vr_buf_init(&k->a, &s->heap);
	vr_buf_init(&k->b, &s->heap);
	for (int p = 0; p < SIM_PARTS; p++)
		sim_mem_init(&k->ref[p].mem);
	return k;
}

void sim_check_reset(struct sim_check *k)
{
	for (int p = 0; p < SIM_PARTS; p++)
		sim_ref_drop(&k->ref[p]);
}

void sim_check_free(struct sim_check *k)
{
	if (!k)
		return;
	sim_check_reset(k);
	vr_pool_done(&k->pool);
	vr_buf_done(&k->a);
	vr_buf_done(&k->b);
	free(k);
}

/* ------------------------------------------------------------------ generations ---- */

static struct vr_str name_of(const struct sim_server *v)
{
	struct vr_str name = sim_text(find(v, v->db, "vir:generation", 14));
	return name.n ? name : VR_STR(VR_GENERATION_FIRST);
}

struct sim_gen *sim_gen_of(struct sim_server *v, int part)
{
	struct vr_str name = name_of(v);
	for (size_t i = v->n_gen; i-- > 0;)
		if (v->gen[i].part == part && vr_str_eq(name, vr_str_c(v->gen[i].name)))
			return &v->gen[i];
	return NULL;
}

void sim_check_turn(struct sim_server *v, int db)
{
	struct sim_check *was = v->check;
	if (v->db == db)
		return;
	v->check = v->other;
	v->other = was;
	v->db = db;
}

static struct sim_gen *add_generation(struct sim_server *v, const struct sim_gen *gen)
{
	if (v->n_gen == SIM_GENS)
		memmove(&v->gen[0], &v->gen[1], --v->n_gen * sizeof(v->gen[0]));
	v->gen[v->n_gen] = *gen;
	return &v->gen[v->n_gen++];
}

const struct sim_log *sim_check_log(const struct sim_server *v, int part)
{
	const struct sim_gen *gen = sim_gen_of((struct sim_server *)(uintptr_t)v, part);
	return gen ? gen->log : NULL;
}

/* Where two lives of a log part. */
static int64_t common_end(const struct sim_log *a, const struct sim_log *b)
{
	size_t k = 0;
	while (k < a->n && k < b->n && a->at[k] == b->at[k])
		k++;
	return k ? a->at[k - 1]->offset + 1 : 0;
}

static void move_gaps(struct sim_server *v, int part, const struct sim_log *from, const struct sim_log *to)
{
	for (size_t i = 0; i < v->n_gap; i++)
		if (v->gap[i].part == part && v->gap[i].log == from && from->first == to->first)
			v->gap[i].log = to;
}

void sim_check_relog(struct sim *s, struct sim_server *v)
{
	for (int p = 0; p < SIM_PARTS; p++) {
		struct sim_gen *gen = sim_gen_of(v, p);
		struct sim_log *log = sim_log_of(s, p);
		int64_t off = sim_stored_off(s, v, p);
		if (gen && gen->log != log && off >= 0 && off <= common_end(gen->log, log)) {
			move_gaps(v, p, gen->log, log);
			gen->log = log;
		}
	}
}

static size_t entries_of(const struct sim_server *v, int part)
{
	const struct sim_value *stream = find(v, SIM_ALERTS_DB, "vir:alerts", 10);
	size_t n = 0;
	for (size_t i = 0; stream && i < stream->n; i++) {
		const struct sim_entry *e = &stream->entries[i];
		size_t pos = 0;
		for (size_t f = 0; f + 1 < e->count; f += 2) {
			struct vr_str name = sim_entry_part(e, &pos), value = sim_entry_part(e, &pos);
			n += vr_str_eq(name, VR_STR("partition")) && sim_number(value) == part;
		}
	}
	return n;
}

static void note_inherited(const struct sim_value *said, struct sim_gen *gen)
{
	for (size_t i = 0; said && i < said->n; i++) {
		struct vr_str name = sim_item_a(&said->items[i]);
		if (name.n != 2 + VR_ALERT_ID_LEN)
			continue;
		VR_ASSERT(gen->n_inherited < SIM_INHERITED);
		memcpy(gen->inherited[gen->n_inherited].id, name.p + 2, VR_ALERT_ID_LEN);
		gen->inherited[gen->n_inherited++].firing = vr_str_eq(sim_item_b(&said->items[i]), VR_STR("firing"));
	}
}

static void begin_generation(struct sim *s, struct sim_server *v, int part)
{
	struct sim_own own;
	const struct sim_value *said = sim_own_key(v, SIM_ALERTS_DB, part, "said");
	sim_own_read(s, v, part, &own);
	struct sim_gen gen = {.txn = sim_redis_committed(v->redis),
		.part = part,
		.log = sim_log_of(s, part),
		.base = own.off,
		.floor = own.off,
		.said_off = number_of(said, "off"),
		.dlq_off = v->db == SIM_LIVE_DB ? number_of(said, "dlq_off") : INT64_MAX, /* a shadow writes none */
		.entries = entries_of(v, part)};
	gen.given = sim_replay_rules(v, v->db, &gen.set) == VR_SHADOW_RULES_LAST;
	memcpy(gen.name, name_of(v).p, name_of(v).n);
	note_inherited(said, add_generation(v, &gen));
	v->poisoned[part] = false;
	sim_gaps_note(s, v); /* `begin` may lie before what Kafka still has */
	if (own.off != own.base)
		sim_fail(s, "partition %d begins at %lld, base %lld", part, (long long)own.off, (long long)own.base);
	sim_tell(s, "partition %d begins anew at %lld, silent below %lld", part, (long long)own.off,
		(long long)number_of(said, "off"));
}

/* What was refused by the clock is decided once: below both offsets the two databases tell the same. */
static void check_decided(struct sim *s, struct sim_server *v, int part, int64_t below)
{
	const struct sim_value *list[] = {sim_own_key(v, SIM_LIVE_DB, part, "refused"), sim_own_key(v, SIM_SPARE_DB, part, "refused")};
	size_t at[2] = {0, 0};
	for (;;) {
		int64_t off[2] = {INT64_MAX, INT64_MAX};
		for (int i = 0; i < 2; i++)
			if (list[i] && at[i] < list[i]->n)
				off[i] = sim_number(sim_item_a(&list[i]->items[at[i]++]));
		if (off[0] >= below && off[1] >= below)
			return;
		if (off[0] != off[1]) {
			sim_fail(s, "partition %d: one generation refused offset %lld, the other did not", part,
				(long long)(off[0] < off[1] ? off[0] : off[1]));
			return;
		}
	}
}

/* Whoever folded it, as a shadow or as live, holds another token. */
static void check_fresh(struct sim *s, const struct sim_server *v, int part)
{
	struct vr_str token = VR_STR("");
	(void)sim_field(sim_own_key(v, v->db, part, "own"), "token", &token);
	for (int i = 0; i < SIM_CLIENTS; i++) {
		const struct vr_shard *shard = s->daemon[i].slot[part].shard;
		if (shard && vr_str_eq(token, vr_str_c(shard->owner.token)))
			sim_fail(s, "partition %d was made live with the token that daemon %d has", part, i);
	}
}

static void become_live(struct sim *s, struct sim_server *v, int part)
{
	struct sim_own own;
	const struct sim_value *said = sim_own_key(v, SIM_ALERTS_DB, part, "said");
	struct sim_gen *was = sim_gen_of(v, part);
	sim_own_read(s, v, part, &own);
	if (!own.exists || !was) {
		sim_fail(s, "partition %d: what was made live has no record", part);
		return;
	}
	struct sim_gen gen = *was;
	gen.txn = sim_redis_committed(v->redis);
	gen.floor = own.off;
	gen.switched = true;
	gen.counted = false;
	gen.said_off = number_of(said, "off");
	gen.dlq_off = number_of(said, "dlq_off");
	gen.entries = entries_of(v, part);
	gen.n_inherited = 0;
	note_inherited(said, add_generation(v, &gen));
	if (!own.shown)
		sim_fail(s, "partition %d was made live while its views waited", part);
	if (own.seq != 0)
		sim_fail(s, "partition %d was made live with sequence %lld", part, (long long)own.seq);
	check_fresh(s, v, part);
	sim_tell(s, "partition %d of %s is live at %lld, silent below %lld", part, gen.name, (long long)own.off, (long long)gen.said_off);
}

/* Every partition of a database is of one generation, and each is the fold of the log. */
static void check_whole(struct sim *s, struct sim_server *v, int db)
{
	sim_check_turn(v, db);
	for (int p = 0; p < SIM_PARTS && !s->failed; p++) {
		struct vr_str name, of = name_of(v);
		if (sim_field(sim_own_key(v, db, p, "own"), "generation", &name) && !vr_str_eq(name, of))
			sim_fail(s, "partition %d of database %d is of %.*s, not %.*s", p, db, (int)name.n, name.p, (int)of.n, of.p);
		sim_check_part(s, v, p);
	}
	sim_check_turn(v, SIM_LIVE_DB);
}

static void switched(struct sim *s, struct sim_server *v)
{
	struct sim_own own;
	s->totals->hit[SIM_HIT_SWITCHED]++;
	sim_rules_appended(s, v);
	for (int p = 0; p < SIM_PARTS && !s->failed; p++) {
		become_live(s, v, p);
		sim_own_read(s, v, p, &own);
		check_decided(s, v, p, own.off);
	}
	check_whole(s, v, SIM_LIVE_DB);
	check_whole(s, v, SIM_SPARE_DB);
}

/* ------------------------------------------------------------------ one partition ---- */

static const struct sim_record *record_at(const struct sim_log *log, int64_t offset)
{
	for (size_t i = 0; i < log->n; i++)
		if (log->at[i]->offset == offset)
			return log->at[i];
	return NULL;
}

static void check_fingerprint(struct sim *s, const struct sim_ref *r, int part, const struct sim_own *own)
{
	if (!own->last_known)
		return;
	const struct sim_record *rec = record_at(r->log, own->last_off);
	struct vr_feed_item item = {0};
	if (rec)
		item = (struct vr_feed_item){
			.key = rec->key, .value = rec->value, .has_key = rec->has_key, .has_value = rec->has_value};
	if (own->last_off != own->off - 1 || !rec || rec->time.ms != own->last_ms ||
		vr_record_hash(&item) != own->last_hash)
		sim_fail(s, "partition %d: the fingerprint is not of the record before offset %lld", part,
			(long long)own->off);
}

static void expect(struct sim *s, int part, const char *what, int64_t stored, int64_t fold)
{
	if (stored != fold)
		sim_fail(
			s, "partition %d: %s is %lld, the fold has %lld", part, what, (long long)stored, (long long)fold);
}

static void check_owner(struct sim *s, const struct sim_ref *r, int part, const struct sim_own *own)
{
	struct vr_engine_facts f;
	vr_engine_facts(r->engine, &f);
	expect(s, part, "stream time", own->stream, f.stream.ms);
	expect(s, part, "log time", own->log, f.log.ms);
	expect(s, part, "anchor", own->anchor, r->anchor.ms);
	expect(s, part, "number of the rule set", own->rules, r->rules_no);
	if (own->view != 0 && own->view < own->stream)
		expect(s, part, "view time (before stream time)", own->view, own->stream);
	check_fingerprint(s, r, part, own);
}

void sim_check_part(struct sim *s, struct sim_server *v, int part)
{
	struct sim_own own;
	struct sim_ref *r = &v->check->ref[part];
	sim_own_read(s, v, part, &own);
	const struct sim_gen *gen = sim_gen_of(v, part);
	if (s->failed || !own.exists || v->poisoned[part] || !gen)
		return;
	if (own.off > gen->log->end) {
		sim_fail(s, "partition %d: stored offset %lld lies beyond the log's end %lld", part,
			(long long)own.off, (long long)gen->log->end);
		return;
	}
	if (!sim_ref_reach(s, v, part, &own))
		return;
	check_owner(s, r, part, &own);
	s->totals->hit[SIM_HIT_VIEWS_WAIT] += !own.shown;
	s->totals->hit[SIM_HIT_VIEWS_CAME] += own.shown && !r->shown && v->db == SIM_SPARE_DB;
	r->shown = own.shown;
	for (int i = part * 6; i < part * 6 + 6; i++)
		sim_check_content(s, v, part, i);
	sim_check_content(s, v, part, SIM_MISKEYED);
	sim_check_partials(s, v, part);
	sim_check_dedup(s, v, part);
	sim_check_alerts(s, v, part);
	if (s->failed)
		sim_say(s, "(partition %d at offset %lld, server %td)", part, (long long)own.off, v - s->server);
	sim_ref_settled(r);
}

/* ------------------------------------------------------------------ a transaction ---- */

static bool holds(const char *bytes, size_t n, const char *what)
{
	return memmem(bytes, n, what, strlen(what)) != NULL;
}

static void check_commit(struct sim *s, struct sim_server *v, const char *bytes, size_t n)
{
	const char *tag = memmem(bytes, n, "{vir:" SIM_TOPIC ":", 7);
	if (!tag)
		return;
	int part = tag[7] - '0';
	VR_ASSERT(part >= 0 && part < SIM_PARTS);
	bool claims = holds(bytes, n, "\r\nformat\r\n");
	sim_tell(s, "transaction %llu on server %td, partition %d%s",
		(unsigned long long)sim_redis_committed(v->redis), v - s->server, part, claims ? ": a claim" : "");
	if (claims && holds(bytes, n, "}:part\r\n"))
		begin_generation(s, v, part);
	sim_check_part(s, v, part);
	if (!s->failed && holds(bytes, n, "}:top\r\n") && !claims && !v->poisoned[part]) {
		struct sim_own own;
		sim_own_read(s, v, part, &own);
		if (own.exists && sim_gen_of(v, part))
			sim_check_boards(s, v, part, &own);
	}
}

void sim_check_commit(struct sim *s, struct sim_server *v, int db, const char *bytes, size_t n)
{
	if (holds(bytes, n, "\r\nSWAPDB\r\n")) {
		switched(s, v);
		return;
	}
	sim_check_turn(v, db);
	check_commit(s, v, bytes, n);
	sim_check_turn(v, SIM_LIVE_DB);
}

/* ------------------------------------------------------------------ at rest ---- */

static void check_gone(struct sim *s, struct sim_server *v, int part, int i)
{
	static const char *const slot[] = {"c:", "u:", "h:"};
	static const char *const view[] = {":channels", ":info", ":ts"};
	const struct sim_ref *r = &v->check->ref[part];
	struct vr_str id = s->fixed->id[i];
	const struct vr_content *c = vr_engine_find(r->engine, id, vr_hash64(id));
	if ((c && c->records > 0) || v->ever_vandalised[i])
		return;
	for (size_t k = 0; k < 3; k++)
		if (sim_slot_key(v, part, slot[k], id) || sim_view_key(v, id, view[k]))
			sim_fail(s, "partition %d: %.*s is not known to the fold, yet it has keys (%s %s)", part,
				(int)id.n, id.p, slot[k], view[k]);
	s->totals->hit[SIM_HIT_SAW_ABSENT]++;
}

void sim_check_rest(struct sim *s, struct sim_server *v, int part)
{
	struct sim_own own;
	sim_own_read(s, v, part, &own);
	if (!own.exists || v->poisoned[part])
		sim_fail(s, "partition %d: at rest without an owner record or with a spoiled key", part);
	sim_check_part(s, v, part);
	if (s->failed)
		return;
	check_whole(s, v, SIM_SPARE_DB);
	expect(s, part, "the stored offset at rest", own.off, sim_log_of(s, part)->end);
	if (s->config.engine.max_contents == 0)
		expect(s, part, "`complete` at rest", own.complete, 1);
	for (int i = part * 6; i < part * 6 + 6 && !s->failed; i++)
		check_gone(s, v, part, i);
}
