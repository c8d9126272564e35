/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of the shard share.
 *
 *   acquire.h   whose is it, where to begin, what is loaded first
 *   pipeline.c  THE FLOW: a batch of records, top to bottom
 *   seam.c      is it still the same log, and what is missing of it
 *   intake.c    bytes to a record, which a backtest shares
 *   rules.c     which set of rules judges
 *   load.c      contents from Redis, in pipelined batches; the background walk; forgetting
 *   commit.c    a cut: guard, write, commit
 *   said.c      what was announced, and what has to be
 *   shadow.c    what is another in a replay
 *   wipe.c      what is stored goes
 *   shard.c     life, and standing still;  words.c: what all of them say
 *
 * Ownership: the shard's (shard.h).   Threads: the worker's.   Fails: as shard.h says; nothing is tried again here. */
#include "shard.h"

/* --- words.c ------------------------------------------------------------------------------------------------- */
/** One exchange of s->cmds; replies live in s->arena until the next. */
VR_MUST enum vr_err vr_shard_exchange(struct vr_shard *s, struct vr_replies *ret, struct vr_diag *d);
/** A word to the world. */
void vr_shard_note(const struct vr_shard *s, enum vr_note note, enum vr_err err, int64_t n, const char *text);
/** What a person can do where a partition stands: accept, and how; a replay is begun anew. A sentence. */
struct vr_way_out { char text[VR_TOPIC_MAX + VR_GENERATION_MAX + 160]; };
struct vr_way_out vr_shard_way_out(const struct vr_shard *s, const char *what_for, const char *accept);

/* --- rules.c ------------------------------------------------------------------------------------------------- */
/** A newer set of the fleet's rules is taken up, at this record boundary. */
VR_MUST enum vr_err vr_shard_follow_rules(struct vr_shard *s);
/** This set is in force from here on: `off` is the record boundary that is noted. */
VR_MUST enum vr_err vr_shard_take_rules(struct vr_shard *s, const struct vr_rules *rules, uint32_t no, int64_t off);

/* --- seam.c -------------------------------------------------------------------------------------------------- */
/** Since `before`, did the offset pass said.off? The cut there is where announcing begins: what is announced then must be
 * what the fold knows there. */
bool vr_shard_reaches_said(const struct vr_shard *s, int64_t before);
/** The first record of a run. *ret_skip: it is the one that was counted already. VR_E_TRUNCATED, VR_E_GAP: an operator
 * decides; VR_E_FENCED: the settings did, acquire again. */
VR_MUST enum vr_err vr_seam_meet(struct vr_shard *s, const struct vr_feed_item *item, bool *ret_skip, struct vr_diag *d);
/** The log's end came before that record did. */
VR_MUST enum vr_err vr_seam_end(struct vr_shard *s, const struct vr_feed_item *item, struct vr_diag *d);
/** Kafka has nothing at the offset that was asked for. Never VR_OK. */
VR_MUST enum vr_err vr_seam_range(struct vr_shard *s, const struct vr_feed_item *item, struct vr_diag *d);

/* --- load.c -------------------------------------------------------------------------------------------------- */
/** Every content that is wanted. */
VR_MUST enum vr_err vr_shard_load(struct vr_shard *s, struct vr_diag *d);
/** A piece of the walk over all contents, and of forgetting. */
VR_MUST enum vr_err vr_shard_background(struct vr_shard *s, struct vr_diag *d);

/* --- commit.c ------------------------------------------------------------------------------------------------ */
/** How long a write may wait: what is late already may be later by an eighth, alerts too. */
struct vr_span vr_shard_patience(const struct vr_shard *s, struct vr_span shortest, struct vr_span longest);
/** Step 1 of a guarded write; the transaction follows in the next exchange. */
VR_MUST enum vr_err vr_shard_guard(struct vr_shard *s, struct vr_diag *d);
/** All that changed, stored. VR_E_DLQ: dead letters are not acknowledged yet, nothing was written. */
VR_MUST enum vr_err vr_shard_cut(struct vr_shard *s, struct vr_diag *d);
/** Where announcing begins: the announced alerts that are no more in the fold end with reason `switch`, those that are
 * pending are told of from here on: commands into said_cmds. */
VR_MUST enum vr_err vr_shard_reconcile(struct vr_shard *s, struct vr_diag *d);

/* --- wipe.c -------------------------------------------------------------------------------------------------- */
/** All that is stored goes, content by content; of `old` the owner record, with the first of them. */
VR_MUST enum vr_err vr_shard_wipe(struct vr_shard *s, struct vr_owner_record *old, bool other_log, struct vr_diag *d);
/** Commands: what is stored beside contents; the owner record, and the duplicates that only it can find. */
void vr_shard_forget_slots(struct vr_shard *s);
void vr_shard_forget_owner(struct vr_shard *s, const struct vr_owner_record *old);

/* --- shadow.c ---------------------------------------------------------------------------------------------- */
enum { VR_SHADOW_ASKS = 7 };
void vr_shadow_init(struct vr_shard *s);
void vr_shadow_done(struct vr_shard *s);
/** Everything known of live is forgotten. */
void vr_shadow_reset(struct vr_shard *s);
/** VR_SHADOW_ASKS commands about live, for any exchange; and the replies to them. VR_E_FENCED: it went back. */
void vr_shadow_ask(struct vr_shard *s);
VR_MUST enum vr_err vr_shadow_hear(struct vr_shard *s, const struct vr_reply *replies, struct vr_diag *d);
/** After an acquire: is what was decided so far what live decided? */
VR_MUST enum vr_err vr_shadow_agrees(struct vr_shard *s, struct vr_diag *d);
/** No record at or past it is folded now. */
int64_t vr_shadow_limit(const struct vr_shard *s);
/** Nobody looks at its leaderboards, nor, unless the owner record says that they are shown, at its views. */
bool vr_shadow_unseen(const struct vr_shard *s);
/** Views that waited are being written, some with each cut. */
bool vr_shadow_is_showing(const struct vr_shard *s);
/** Once it has come up, and all others or live does not mind, or its memory is full, they are written. */
VR_MUST enum vr_err vr_shadow_show(struct vr_shard *s);
/** It has come up with live, and nobody waits for it. */
bool vr_shadow_has_time(const struct vr_shard *s);
/** It cannot go on before live does. */
bool vr_shadow_waits(const struct vr_shard *s);
/** Rule sets that live had from an offset at most up_to on are taken up. */
VR_MUST enum vr_err vr_shadow_follow(struct vr_shard *s, int64_t up_to);
/** Of n records that lie one behind the other: how many may be folded before the next limit or rule set. */
VR_MUST enum vr_err vr_shadow_run(struct vr_shard *s, const struct vr_feed_item *items, size_t n, size_t *ret_n);
/** The latest Kafka timestamp that the record at offset may have: live decided that; by the clock only where there is none. */
struct vr_wall vr_shadow_latest(const struct vr_shard *s, int64_t offset, struct vr_wall clock);
/** Views that waited are let into the next cut, when it is their turn. */
void vr_shadow_turn(struct vr_shard *s);
/** When live is to be looked at next, or cut what is left to write, where it is waited for. */
struct vr_mono vr_shadow_due(const struct vr_shard *s);
/** Time passes: where live is waited for, look how far it is. */
VR_MUST enum vr_err vr_shadow_tick(struct vr_shard *s, struct vr_diag *d);
/** Learn the homes that n wanted contents have in live; *ret_own: none has another than this partition. */
VR_MUST enum vr_err vr_shadow_homes(struct vr_shard *s, size_t from, size_t n, bool *ret_own, struct vr_diag *d);
/** Of the i-th of them; empty: live knows none. */
struct vr_str vr_shadow_home(const struct vr_shard *s, size_t i);
