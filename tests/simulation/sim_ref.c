/* SPDX-License-Identifier: Apache-2.0 */
/* sim_ref.c - the reference: an engine without Redis, record by record. */
#include "sim_check.h"

void sim_ref_drop(struct sim_ref *r)
{
	vr_engine_free(r->engine);
	sim_mem_done(&r->mem);
	*r = (struct sim_ref){0};
}

static void begin(struct sim *s, const struct sim_gen *gen, struct sim_ref *r)
{
	struct vr_engine_config config = s->config.engine;
	sim_ref_drop(r);
	sim_mem_init(&r->mem);
	config.partition = gen->part;
	config.max_contents = 0;
	VR_ASSERT(vr_engine_new(&config, &r->mem.mem, &r->engine) == VR_OK);
	r->gen_txn = gen->txn;
	r->log = gen->log;
	r->off = gen->base;
	r->entries = gen->entries;
}

/* ------------------------------------------------------------------ home ---- */

/* Whose view a mis-keyed content has is decided by who came first, not by the log: the stored state tells. */
static bool is_home(const struct sim_server *v, int part, struct vr_str id)
{
	struct vr_str state = sim_text(sim_slot_key(v, part, "c:", id)), home;
	if (state.n > 2)
		return ((uint8_t)state.p[1] & 8) == 0;
	struct sim_value *view = sim_view_key(v, id, "");
	return !view || view->type != SIM_HASH || !sim_field(view, "home", &home) ||
		   home.p[home.n - 1] == '0' + part;
}

static void bring(const struct sim_server *v, int part, struct sim_ref *r, struct vr_str id)
{
	bool at_hand, more;
	VR_ASSERT(vr_engine_want(r->engine, id, &at_hand) == VR_OK);
	struct vr_content *c = vr_engine_find(r->engine, id, vr_hash64(id));
	if (at_hand && c->records == 0) /* refused the first time, so nobody asked */
		c->home = is_home(v, part, id) ? VR_HOME_HERE : VR_HOME_ELSEWHERE;
	if (at_hand)
		return;
	struct vr_loaded l = {.home_known = true, .is_home = is_home(v, part, id)};
	VR_ASSERT(vr_engine_load(r->engine, 0, &l, &more) == VR_OK);
	vr_engine_loaded_all(r->engine);
}

/* ------------------------------------------------------------------ rules ---- */

static size_t list_length(const struct sim_value *list)
{
	return list && list->type == SIM_LIST ? list->n : 0;
}

/* "<number> <offset>" */
static void read_entry(const struct sim_value *list, size_t i, uint32_t *ret_no, int64_t *ret_off)
{
	struct vr_str s = sim_item_a(&list->items[i]);
	size_t k = 0;
	while (k < s.n && s.p[k] != ' ')
		k++;
	*ret_no = (uint32_t)sim_number((struct vr_str){s.p, k});
	*ret_off = k < s.n ? sim_number((struct vr_str){s.p + k + 1, s.n - k - 1}) : -1;
}

/* A set that was given judged as number 1, and has the fleet's number since the switch. */
static void take_set(struct sim *s, const struct sim_gen *gen, struct sim_ref *r, uint32_t no, int64_t off)
{
	bool given = gen->given && r->rules == 0;
	VR_ASSERT(no > 0 && (given || no <= s->listed));
	const struct vr_rules *set = s->fixed->rules[given ? gen->set : s->list[no - 1]];
	VR_ASSERT(vr_engine_rules(r->engine, set, given ? 1 : no, off) == VR_OK);
	if (given)
		VR_ASSERT(vr_engine_rules_resume(r->engine, set, no) == VR_OK);
}

static void take_rules(
	struct sim *s, const struct sim_gen *gen, const struct sim_value *list, struct sim_ref *r, int64_t until)
{
	while (r->rules < list_length(list)) {
		uint32_t no;
		int64_t off;
		read_entry(list, r->rules, &no, &off);
		if (off > until)
			return;
		take_set(s, gen, r, no, off);
		r->rules_no = no;
		r->rules++;
	}
}

/* ------------------------------------------------------------------ records ---- */

static bool is_refused(const struct sim_value *list, struct sim_ref *r, int64_t offset)
{
	if (r->refused >= list_length(list) || sim_number(sim_item_a(&list->items[r->refused])) != offset)
		return false;
	r->refused++;
	return true;
}

static bool in_gap(const struct sim_server *v, int part, const struct sim_log *log, int64_t offset)
{
	for (size_t i = 0; i < v->n_gap; i++)
		if (v->gap[i].part == part && v->gap[i].log == log && offset >= v->gap[i].from &&
			offset < v->gap[i].to)
			return true;
	return false;
}

static void check_letter(
	struct sim *s, const struct sim_gen *gen, const struct sim_record *rec, enum vr_err why)
{
	if (!rec->lettered && rec->offset >= gen->dlq_off)
		sim_fail(s, "partition %d: offset %lld (%s) was passed before its dead letter was acknowledged",
			gen->part, (long long)rec->offset, vr_err_name(why));
}

static void fold(struct sim *s, const struct sim_server *v, const struct sim_gen *gen, struct sim_ref *r,
	const struct sim_record *rec)
{
	struct vr_record record = {.offset = rec->offset, .kafka_time = rec->time};
	struct vr_outcome out;
	struct vr_engine_facts before, after;
	if (is_refused(sim_own_key(v, v->db, gen->part, "refused"), r, rec->offset)) {
		record.kafka_time = (struct vr_wall){0};
		record.refused = VR_E_KAFKA_AHEAD;
	} else if (rec->poison) {
		record.refused = rec->poison;
	} else if (rec->is_event) {
		record.event = &rec->event;
		bring(v, gen->part, r, rec->event.content_id);
	}
	vr_engine_facts(r->engine, &before);
	VR_ASSERT(vr_engine_fold(r->engine, &record, &out) == VR_OK);
	VR_ASSERT(vr_minutes_close(r->engine, SIZE_MAX) == VR_OK);	/* nothing waits here */
	vr_engine_facts(r->engine, &after);
	if (after.stream.ms > before.stream.ms)
		r->anchor = after.log;
	if (out.fate == VR_FATE_REFUSED)
		check_letter(s, gen, rec, out.refused);
	s->totals->hit[SIM_HIT_SAW_UNSHARE] +=
		out.fate == VR_FATE_FOLDED && rec->event.action == VR_ACTION_UNSHARE;
}

static bool is_extended(
	const struct sim_server *v, const struct sim_gen *gen, const struct sim_ref *r, int64_t off)
{
	return r->engine && r->gen_txn == gen->txn && r->log == gen->log && off >= r->off &&
		   r->rules <= list_length(sim_own_key(v, v->db, gen->part, "rules"));
}

bool sim_ref_reach(struct sim *s, struct sim_server *v, int part, const struct sim_own *own)
{
	const struct sim_gen *gen = sim_gen_of(v, part);
	struct sim_ref *r = &v->check->ref[part];
	struct sim_value *list = sim_own_key(v, v->db, part, "rules");
	if (!is_extended(v, gen, r, own->off)) {
		memset(v->check->memo[part], 0, sizeof(v->check->memo[part]));
		begin(s, gen, r);
	}
	while (r->at < r->log->n && r->log->at[r->at]->offset < own->off) {
		const struct sim_record *rec = r->log->at[r->at++];
		if (rec->offset < gen->base || in_gap(v, part, r->log, rec->offset))
			continue;
		take_rules(s, gen, list, r, rec->offset);
		fold(s, v, gen, r, rec);
	}
	r->off = own->off;
	take_rules(s, gen, list, r, own->off);
	if (r->rules < list_length(list))
		sim_fail(
			s, "partition %d: a rule set is noted beyond the stored offset %lld", part, (long long)own->off);
	return !s->failed;
}

void sim_ref_settled(struct sim_ref *r)
{
	struct vr_engine *e = r->engine;
	for (size_t i = 0; i < e->dirty.n; i++)
		vr_engine_dirty_at(e, i)->dirty = false;
	e->dirty.n = 0;
	e->all.dirty = e->rules_dirty = false;
	for (size_t i = 0; i < e->channels.n; i++)
		vr_engine_channel(e, (uint16_t)i)->dirty = false;
}
