/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* world.h - which contents are talked about, how hotly, and which shares of them can be reshared.
 *
 * Picture:   tree  [sum of all heat]           a binary tree of sums over the slots: pick by heat
 *                  [ .. ]      [ .. ]
 *            slot  heat heat   heat heat ...   one content each; an old one makes room for a birth
 *            past  |s s s s s s s s|           the last shares of the content in that slot
 *
 * Heat = attraction x (1 + what its shares reach) x fading with age, less once everybody has seen it.
 * It falls by itself and rises only by a share, so a stored heat is an upper bound: pick draws by the
 * stored one, looks up the true one, stores it, and draws again in proportion.
 * In the benchmark world (zipf) contents are ranks and slots only a small memory of late shares.
 * Memory: all in init, from *mem (kept).   Threads: one owner.                                    */
#include "virality/simulate.h"
#include "random.h"

enum { VR_SIM_PAST = 8 };

struct vr_sim_share {
	uint64_t event, root;		/* numbers of events */
	int64_t time_ms;
	uint32_t depth;
	float pull;			/* how many look at it, roughly */
	uint8_t channel, scope;
};

struct vr_sim_slot {
	uint64_t content;		/* number; 0 = nobody yet */
	uint32_t shares;
	uint8_t n_past, next_past;
	struct vr_sim_share past[VR_SIM_PAST];
	/* living cascades only */
	double attraction, spark, capacity, life_ms;
	double born_ms;
};

struct vr_sim_world {
	struct vr_mem *mem;
	struct vr_sim_zipf zipf;		/* n == 0: living cascades */
	struct vr_sim_slot *slots;
	uint32_t n_slots;		/* benchmark: a power of two */
	double *tree;			/* 2 * leaves; leaf i = heat of slot i */
	uint32_t leaves;
	uint32_t next_slot;		/* where the next birth looks for room */
	uint64_t born;			/* contents so far */
	double life_ms, capacity_max;
};

VR_MUST enum vr_err vr_sim_world_init(
	struct vr_sim_world *w, struct vr_mem *mem, const struct vr_sim_config *c, struct vr_sim_rng *rng);
void vr_sim_world_done(struct vr_sim_world *w);
/** A slot whose content gets the next act. */
struct vr_sim_slot *vr_sim_world_pick(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms);
/** A new content, in the slot of a cold one. */
struct vr_sim_slot *vr_sim_world_birth(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms);
/** The place of a slot, to find it again. */
uint32_t vr_sim_world_place(const struct vr_sim_world *w, const struct vr_sim_slot *slot);
/** The slot at that place while it still holds that content, else NULL. */
struct vr_sim_slot *vr_sim_world_at(struct vr_sim_world *w, uint32_t place, uint64_t content);
/** A share happened: it can be reshared from now on. */
void vr_sim_world_share(
	struct vr_sim_world *w, struct vr_sim_slot *slot, const struct vr_sim_share *share, double now_ms);
/** A share that people of now look at, or NULL when the content itself is looked at. */
const struct vr_sim_share *vr_sim_slot_source(const struct vr_sim_slot *slot, struct vr_sim_rng *rng);
