# SPDX-License-Identifier: Apache-2.0
"""Deliberate breaks: a name, and for each file a text and what it becomes. A text must stand there exactly once."""

OWNER = "src/redis/owner.c"
ACQUIRE = "src/daemon/shard/acquire.c"
COMMIT = "src/daemon/shard/commit.c"
INTAKE = "src/daemon/shard/intake.c"
LOAD = "src/daemon/shard/load.c"
PIPELINE = "src/daemon/shard/pipeline.c"
RESTORE = "src/daemon/shard/restore.c"
SAID = "src/daemon/shard/said.c"
SEAM = "src/daemon/shard/seam.c"
SHADOW = "src/daemon/shard/shadow.c"
SWITCH = "src/redis/switch.c"
JUDGE = "src/redis/switch_judge.c"
WRITER = "src/redis/writer.c"
MINUTES = "src/core/minutes.c"
DRAIN = "src/core/drain.c"

BREAKS = [
    ("no WATCH before a cut", [(OWNER, """void vr_owner_guard(struct vr_owner *o, struct vr_cmds *c)
{
	vr_cmd(c, 2, "WATCH");""", """void vr_owner_guard(struct vr_owner *o, struct vr_cmds *c)
{
	vr_cmd(c, 2, "EXISTS");""")]),
    ("no WATCH before a claim", [(OWNER, """	o->held = false;
	vr_cmd(c, 2, "WATCH");""", """	o->held = false;
	vr_cmd(c, 2, "EXISTS");""")]),
    ("no validated load", [(OWNER, "		err = compare_pair(o, &exec->elem[0], d);", "		(void)compare_pair;")]),
    ("no comparison before a cut", [(OWNER, "	return compare_pair(o, &replies->at[1], d);", "	return VR_OK;")]),
    ("seq does not rise", [(OWNER, "write_moving(c, r, o->seq + 1);", "write_moving(c, r, o->seq);"), (OWNER, "	o->seq++;\n", "")]),
    ("token not renewed at a claim", [(ACQUIRE, "	s->world->token(s->world->ctx, token);", "	memset(token, '0', sizeof(token) - 1), token[VR_TOKEN_LEN] = 0;")]),
    ("stream time not stored", [(OWNER, 'field(c, "stream_ms", r->stream.ms);', 'field(c, "stream_ms", 0);')]),
    ("log time not stored", [(OWNER, 'field(c, "log_ms", r->log.ms);', 'field(c, "log_ms", 0);')]),
    ("offset one too far", [(PIPELINE, "s->record.off = item->offset + 1;", "s->record.off = item->offset + 2;")]),
    ("seam not looked at", [(SEAM, "if (item->time.ms != s->record.last.time_ms || vr_record_hash(item) != s->record.last.hash)", "if (0)")]),
    ("a record of the future moves log time", [(INTAKE, "		ret->kafka_time = (struct vr_wall){0};", "		(void)0;")]),
    ("what the clock refused is not noted", [(PIPELINE, "		vr_buf_add(&s->refused, &item->offset, sizeof(item->offset));", "		(void)0;")]),
    ("rule sets noted at the cut's offset", [(COMMIT, "vr_buf_i64(&s->scratch, taken.off);", "vr_buf_i64(&s->scratch, s->record.off);")]),
    ("a gap is not stored", [(SEAM, """	s->boards_due = true;
	err = vr_shard_cut(s, d);
""", """	s->boards_due = true;
""")]),
    ("the batch is left when dead letters wait", [(PIPELINE, "	if (err != VR_E_DLQ)\n		return err;\n	s->letters_wait = true;\n	return VR_OK;", "	return err;")]),
    ("dead letters not waited for", [(COMMIT, "s->world->settle(s->world->ctx, &s->letters_failed);", "VR_OK;")]),
    ("views outside the cut", [(WRITER, "	if (gone == n)\n		return;\n", "	if (gone <= n)\n		return;\n")]),
    ("ranks outside the cut", [(WRITER, "	vr_cmds_insert(w->cmds, w->from, &w->head);\n	w->ahead = w->head.n;\n", "")]),
    ("a minute that was left is counted on", [(MINUTES, "	if (c->open && c->open->minute != e->minute)", "	if (c->open && c->open->minute > e->minute)")]),
    ("a minute that waited is forgotten", [(MINUTES, "	for (size_t n = most > always ? most : always;", "	for (size_t n = most;")]),
    ("views that waited are not written", [(DRAIN, "	bool come = e->views == VR_VIEWS_WAIT && views == VR_VIEWS_COME;", "	bool come = false;")]),
    ("contents go before their views were written", [(DRAIN, "	if (e->views == VR_VIEWS_WAIT)\n		return vr_has_views(e, c);\n", "	if (e->views == VR_VIEWS_WAIT)\n		return false;\n")]),
    ("views that waited when it was killed are forgotten", [(LOAD, "s->record.log.ms > 0 && s->record.shown ?", "s->record.log.ms > 0 ?")]),
    ("switched before its views are written", [(JUDGE, "	else if (!p->shadow.shown)", "	else if (false)")]),
    ("partials not stored", [("src/core/cut.c", "	store->set(store->ctx, VR_SLOT_PARTIAL,", "	if (0) store->set(store->ctx, VR_SLOT_PARTIAL,")]),
    ("duplicates not stored", [("src/core/cut.c", "	else if (change == VR_DEDUP_SET)\n		w->store->set(w->store->ctx, VR_SLOT_DEDUP, name, bytes);\n	else\n		w->store->append(w->store->ctx, VR_SLOT_DEDUP, name, bytes);", "	(void)bytes;")]),
    ("rule state not stored", [("src/core/content_state.c", """	vr_buf_varint(b, c->n_rules);
	for (unsigned i = 0; i < c->n_rules; i++) {""", """	vr_buf_varint(b, 0);
	for (unsigned i = 0; i < 0; i++) {""")]),
    ("timers not loaded at acquire", [(RESTORE, "for (size_t i = 0; i < timers->n; i++)", "for (size_t i = 0; i < timers->n * 0; i++)")]),
    ("announced alerts not kept", [(SAID, "	keep(k, a->id, a->state == VR_ALERT_FIRING, c);\n", "	(void)keep;\n")]),
    ("said.off does not rise", [(SAID, "	s->off = off > s->off ? off : s->off;\n", "")]),
    ("home ignored", [(LOAD, ".is_home = r[3].type == VR_REPLY_STR && vr_str_eq(r[3].str, home),", ".is_home = true,")]),
    ("spoiled views not repaired", [(COMMIT, "	vr_engine_reshow(s->engine, id);\n", "")]),
    ("forgotten contents keep their keys", [(LOAD, "	if (n < SWEEP)\n		s->forgot_below = below;", "	s->forgot_below = below;"), (LOAD, "	size_t n = r.at[0].n;", "	size_t n = 0;")]),
    ("what waits for a channel misses the cut", [("src/core/cut.c", "	e->broken |= vr_channel_settle(e, ch) != VR_OK;\n", "")]),
    ("what waits for a channel misses a take-back", [("src/core/count.c", "	enum vr_err err = vr_channel_settle(e, channel);", "	enum vr_err err = VR_OK;")]),
    ("rules not asked after a bucket left", [("src/core/judge.c", "c->still = vr_content_leave(c, &e->config.windows, e->stream);", "c->still = INT64_MAX;")]),
    ("rules not asked for what resets them", [("src/core/rules_gate.c", "moved_by(expr) | moved_by(reset)", "moved_by(expr)")]),
    ("a gate adds what overlaps once", [("src/core/rules_gate.c", "a.of & b.of ? a.times + b.times : ", "")]),
    ("forgetting not in order", [("src/core/judge_rules.c", "	sort_by_id(ret->at, ret->n);\n", "	(void)sort_by_id;\n")]),
    ("an unshare not clamped", [("src/core/count.c", "	take_from(e, &c->tally, at, &given);", "	take_from(e, &c->tally, at, &want);")]),
    ("window off by one bucket", [("src/core/ring.h", "now_k - (VR_BUCKETS - 1);", "now_k - (VR_BUCKETS - 2);")]),
    ("duplicates not found", [("src/core/dedup.c", "	return s && s->t != EMPTY && s->t >= edge(now.ms, d->window_ms);", "	return 0 && s && now.ms;")]),
    ("a refused record moves stream time", [("src/core/fold.c", """	if (ret->refused) {
		ret->fate = VR_FATE_REFUSED;""", """	if (ret->refused) {
		e->stream = vr_wall_max(e->stream, e->log);
		ret->fate = VR_FATE_REFUSED;""")]),
    ("a switch leaves the token as it is", [(SWITCH, """	vr_cmd_c(c, token);
	vr_cmd_c(c, "seq");
	vr_cmd_i64(c, 0);
	if (renumber) {""", """	vr_cmd_c(c, token[0] ? p->shadow.token : "");
	vr_cmd_c(c, "seq");
	vr_cmd_i64(c, 0);
	if (renumber) {""")]),
    ("a switch does not WATCH live", [(SWITCH, """		own(c, "WATCH", &w->part[i].keys, "own");""", """		own(c, db == w->live_db ? "EXISTS" : "WATCH", &w->part[i].keys, "own");""")]),
    ("a switch does not carry over what was decided", [(SWITCH, "	vr_cmd_i64(c, decided(p));", "	vr_cmd_i64(c, 0 * decided(p));")]),
    ("a switch does not compare offsets", [(JUDGE, "	if (lag < 0)\n", "	if (lag < INT64_MIN / 2)\n")]),
    ("a switch does not wait for live's rules", [(JUDGE, "!w->own_rules && p->shadow.rules != p->live.rules", "0")]),
    ("a switch does not wait for rules of its own", [(JUDGE, "w->own_rules && p->shadow.rules == 0", "0")]),
    ("rules that come back lose what judged before", [(SWITCH, "	bool given = w->rules_was == 0;", "	bool given = true;")]),
    ("rules that come back come to all", [(SWITCH, "	bool named = w->rules_was == 0 || p->shadow.rules == w->rules_was;", "	bool named = true;")]),
    ("pending alerts are not taken up", [(SAID, "	if (a->state != VR_ALERT_PENDING || vr_said_find(s, a->id))", "	if (1)")]),
    ("a shadow folds past live", [(SHADOW, "	return live < sh->end ? live : sh->end;", "	return live < 0 ? live : sh->end;")]),
    ("a shadow refuses by the clock", [(SHADOW, "	return (struct vr_wall){was_refused(s, offset) ? INT64_MIN : INT64_MAX};", "	return was_refused(s, -2) ? (struct vr_wall){0} : clock;")]),
]
