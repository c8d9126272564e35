/* SPDX-License-Identifier: Apache-2.0 */
/* decide.c - what an owner does with what it finds: go on, begin, an accepted way out, or stop and say why. */
#include "acquire.h"

static bool accepts(const struct vr_replies *r, const char *what)
{
	const struct vr_reply *word = vr_reply_field(&r->at[VR_LOOK_ACCEPT], "what");
	return word && word->type == VR_REPLY_STR && vr_str_eq(word->str, vr_str_c(what));
}

static struct vr_owner_record new_record(const struct vr_shard *s, const struct vr_takeover *p, int64_t off)
{
	struct vr_owner_record r = {.exists = true, .shown = !s->config.shadow || s->config.shadow->viewless, .off = off, .base_off = off};
	vr_str_copy(r.cluster, sizeof(r.cluster), vr_str_c(s->config.cluster));
	vr_str_copy(r.group, sizeof(r.group), vr_str_c(s->config.group));
	vr_str_copy(r.generation, sizeof(r.generation), vr_str_c(p->generation));
	return r;
}

static enum vr_err fold_anew(struct vr_shard *s, struct vr_takeover *p, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	p->old = p->record;
	p->record = new_record(s, p, first);
	p->fresh = p->wipe = true;
	p->silent = !s->config.announce_history;
	p->other_log = s->anew || p->old.off > end;
	return VR_OK;
}

/* The witness was asked after the look: in between another owner may have begun, and be the one who left it. */
static enum vr_err still_absent(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmd(&s->cmds, 2, "EXISTS");
	vr_key_own(&s->cmds, &s->keys, "own");
	enum vr_err err = vr_shard_exchange(s, &r, d);
	if (err || (r.at[0].type == VR_REPLY_INT && r.at[0].integer == 0))
		return err;
	return vr_diag_set(d, VR_E_FENCED, "redis", "another owner began the partition meanwhile");
}

static enum vr_err begin(struct vr_shard *s, const struct vr_replies *r, struct vr_takeover *p, struct vr_diag *d)
{
	int64_t off, witness = -1;
	const char *topic = s->part.topic.p;
	int n = (int)s->part.topic.n, part = s->part.partition;
	enum vr_err err = s->world->committed(s->world->ctx, &s->part, &witness);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the group's committed offset");
	bool had_state = witness >= 0 || r->at[VR_LOOK_INDEX].integer > 0;
	if (had_state && s->config.on_missing_state == VR_POLICY_STOP) {
		err = still_absent(s, d);
		return err ? err : vr_diag_set(d, VR_E_STATE_LOST, "redis", "no owner record for %.*s:%d though %s; restore Redis from a backup, "
			"or fold anew with: viralctl accept %.*s:%d --state-loss, or all of them beside, with no reader seeing half: "
			"virald replay --from earliest --to live --switch --accept-state-loss", n, topic, part,
			witness >= 0 ? "the group has committed an offset" : "its index exists", n, topic, part);
	}
	if (had_state)
		return fold_anew(s, p, d);
	if (!vr_reply_i64(&r->at[VR_LOOK_BEGIN], &off)) {
		if (s->config.on_growth == VR_POLICY_STOP)
			return vr_diag_set(d, VR_E_GROWTH, "kafka", "partition %.*s:%d was added later: growth moves contents to other partitions, "
				"so exact counts need a new topic and a replay; or go on with: viralctl accept %.*s:%d --growth",
				n, topic, part, n, topic, part);
		int64_t end;
		err = s->world->bounds(s->world->ctx, &s->part, &off, &end);
		if (err)
			return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	}
	p->record = new_record(s, p, off);
	p->fresh = true;
	p->silent = !s->config.announce_history;
	return VR_OK;
}

static enum vr_err check_ours(const struct vr_shard *s, const struct vr_owner_record *r, struct vr_diag *d)
{
	bool cluster = r->cluster[0] && s->config.cluster[0] && strcmp(r->cluster, s->config.cluster) != 0;
	if (!cluster && strcmp(r->group, s->config.group) == 0)
		return VR_OK;
	return vr_diag_set(d, VR_E_FOREIGN, "redis", "%.*s belongs to cluster '%s', group '%s'; this is cluster '%s', group '%s'. "
		"Give each deployment its own Redis, or its own redis.prefix", (int)s->keys.tag.n, s->keys.tag.p, r->cluster, r->group,
		s->config.cluster, s->config.group);
}

/* The operator's --gap: go on at the first record that is still there. */
static enum vr_err skip_gap(struct vr_shard *s, struct vr_takeover *p, struct vr_diag *d)
{
	int64_t first, end;
	enum vr_err err = s->world->bounds(s->world->ctx, &s->part, &first, &end);
	if (err)
		return vr_diag_set(d, err, "kafka", "cannot learn the bounds of the log");
	p->record.last.known = false;
	int64_t off = p->record.off < first ? first : p->record.off > end ? end : p->record.off;
	p->gap = off > p->record.off ? off - p->record.off : 0;
	p->record.off = off;
	return VR_OK;
}

static enum vr_err decide_live(struct vr_shard *s, const struct vr_replies *r, struct vr_takeover *p, struct vr_diag *d)
{
	const struct vr_reply *name = &r->at[VR_LOOK_GENERATION];
	vr_str_copy(p->generation, sizeof(p->generation), name->type == VR_REPLY_STR ? name->str : VR_STR(VR_GENERATION_FIRST));
	bool anew = s->anew || accepts(r, "rebuild") || accepts(r, "from-log-start") || accepts(r, "state-loss");
	enum vr_err err = vr_owner_seen(&s->owner, r->at, &p->record);
	if (err && !anew)
		return vr_diag_set(d, err, "redis", "the owner record is of another format; viralctl accept ... --rebuild folds anew");
	if (!err && p->record.exists)
		err = check_ours(s, &p->record, d);
	if (err && err != VR_E_CORRUPT)
		return err;
	if (anew) {
		err = fold_anew(s, p, d);
		p->other_log |= accepts(r, "from-log-start");
		return err;
	}
	if (!p->record.exists && accepts(r, "growth")) {
		err = fold_anew(s, p, d);
		p->wipe = false;
		return err;
	}
	if (!p->record.exists)
		return begin(s, r, p, d);
	return accepts(r, "gap") ? skip_gap(s, p, d) : VR_OK;
}

/* Also one of that name is another when a Redis that lost a switch has it judged by other rules again. */
static bool is_generation(const struct vr_shadow *sh, const struct vr_reply *name, const struct vr_reply *rules)
{
	static const char *const text[] = {[VR_SHADOW_RULES_LIVE] = "live", [VR_SHADOW_RULES_LAST] = "given", [VR_SHADOW_RULES_OWN] = "own"};
	struct vr_str judged = rules->type == VR_REPLY_STR ? rules->str : VR_STR("live");
	return name->type == VR_REPLY_STR && vr_str_eq(name->str, sh->name) && vr_str_eq(judged, vr_str_c(text[sh->rules]));
}

/* Of a shadow nothing is anybody's decision but where it begins. */
static enum vr_err decide_shadow(struct vr_shard *s, const struct vr_replies *r, struct vr_takeover *p, struct vr_diag *d)
{
	const struct vr_shadow *sh = s->config.shadow;
	if (!is_generation(sh, &r->at[VR_LOOK_GENERATION], &r->at[VR_LOOK_RULES]))
		return vr_diag_set(d, VR_E_STATE_LOST, "redis", "the spare database is no longer generation '%s': it was switched, or discarded",
			sh->name.p);
	enum vr_err err = vr_shadow_hear(s, r->at + VR_LOOK_LIVE, d);
	if (!err)
		err = vr_owner_seen(&s->owner, r->at, &p->record);
	if (!err && p->record.exists)
		err = check_ours(s, &p->record, d);
	if (err || p->record.exists)
		return err;
	if (r->at[VR_LOOK_INDEX].integer > 0)
		return vr_diag_set(d, VR_E_STATE_LOST, "redis", "no owner record for %.*s:%d in the spare database though its index exists. %s",
			(int)s->part.topic.n, s->part.topic.p, s->part.partition, vr_shard_way_out(s, "", "").text);
	vr_str_copy(p->generation, sizeof(p->generation), sh->name);
	p->record = new_record(s, p, sh->first);
	p->fresh = true;
	return VR_OK;
}

enum vr_err vr_takeover_decide(struct vr_shard *s, const struct vr_replies *r, struct vr_takeover *p, struct vr_diag *d)
{
	return s->config.shadow ? decide_shadow(s, r, p, d) : decide_live(s, r, p, d);
}
