/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sim_check.h - what is stored, held against the fold of the log.
 *
 * For each partition the reference (`ref`) is an engine that folded the log record by record up to the stored
 * offset, with the rule sets at the offsets that are noted in {..}:rules, and never made a cut. After every
 * transaction each stored value is compared with what the reference holds; what neither changed is not looked
 * at again. After a loss everything is.
 * Ownership: a check belongs to a server, a ref to a check.   Fails: sim_fail names what differs.          */
#include "engine_parts.h"
#include "sim.h"

struct sim_own {
	bool exists, complete, shown, last_known;
	int64_t seq, off, base, stream, log, view, anchor, last_off, last_ms;
	uint32_t rules;
	uint64_t last_hash;
};

/* An alert that stands in `active`. */
struct sim_said {
	char id[VR_ALERT_ID_LEN + 1];
	bool firing, inherited;
	size_t transition;
};
enum { SIM_SAID = 128 };

struct sim_ref {
	struct vr_engine *engine;
	struct sim_mem mem;
	struct vr_arena arena;
	uint64_t gen_txn;
	const struct sim_log *log;
	size_t at; /* index of the next record */
	int64_t off;
	struct vr_wall anchor;
	size_t rules, refused; /* entries of the lists taken up */
	uint32_t rules_no;
	/* what was to be said */
	size_t transitions;  /* of engine->alerts, processed */
	bool begun, reached; /* reached: said.off was */
	bool shown;          /* views are written */
	struct sim_said said[SIM_SAID];
	size_t n_said;
	struct sim_said open[SIM_SAID]; /* pending or firing in the fold */
	size_t n_open;
	size_t entries; /* of this partition in the stream, matched */
	size_t cursor;  /* entries of the whole stream, seen */
};

/* What was equal when last looked at. */
struct sim_memo {
	uint64_t state, view, channels, info, minutes, minutes_n;
};
struct sim_check {
	struct sim *sim;
	struct sim_ref ref[SIM_PARTS];
	struct sim_memo memo[SIM_PARTS][SIM_CONTENTS];
	struct vr_pool pool; /* of what is decoded for a comparison */
	struct vr_buf a, b;
};

struct sim_check *sim_check_new(struct sim *s);
void sim_check_free(struct sim_check *k);
/** Nothing is known any more. */
void sim_check_reset(struct sim_check *k);
/** These bytes were a committed transaction. */
void sim_check_commit(struct sim *s, struct sim_server *v, int db, const char *bytes, size_t n);
/** From here on the checks look at that database. */
void sim_check_turn(struct sim_server *v, int db);
void sim_check_part(struct sim *s, struct sim_server *v, int part);
/** At rest: nothing is left to be written or deleted. */
void sim_check_rest(struct sim *s, struct sim_server *v, int part);
/** The log that the stored state of the partition is a fold of; NULL: none. */
const struct sim_log *sim_check_log(const struct sim_server *v, int part);
/** Logs were renewed or offsets went back: states that fit the newest log are folds of it. */
void sim_check_relog(struct sim *s, struct sim_server *v);
struct sim_gen *sim_gen_of(struct sim_server *v, int part);

/* --- between the files of the check ------------------------------------------------------------------------
 */
void sim_own_read(const struct sim *s, const struct sim_server *v, int part, struct sim_own *ret);
struct sim_value *sim_own_key(const struct sim_server *v, int db, int part, const char *name);
struct sim_value *sim_slot_key(const struct sim_server *v, int part, const char *slot, struct vr_str id);
struct sim_value *sim_view_key(const struct sim_server *v, struct vr_str id, const char *suffix);
/** The field's value; false: there is none. */
bool sim_field(const struct sim_value *hash, const char *name, struct vr_str *ret);
int64_t sim_number(struct vr_str s);
struct vr_str sim_text(const struct sim_value *string); /* empty for NULL */
uint64_t sim_hash_items(const struct sim_value *v);

/** Fold up to the stored offset. False: it cannot be. */
bool sim_ref_reach(struct sim *s, struct sim_server *v, int part, const struct sim_own *own);
void sim_ref_drop(struct sim_ref *r);
/** What changed since the last comparison is equal now. */
void sim_ref_settled(struct sim_ref *r);

void sim_check_content(struct sim *s, struct sim_server *v, int part, int i);
void sim_check_view(
	struct sim *s, struct sim_server *v, int part, int i, struct vr_content *c, int64_t open_minute);
void sim_check_partials(struct sim *s, struct sim_server *v, int part);
void sim_check_dedup(struct sim *s, struct sim_server *v, int part);
void sim_check_boards(struct sim *s, struct sim_server *v, int part, const struct sim_own *own);
void sim_check_alerts(struct sim *s, struct sim_server *v, int part);
