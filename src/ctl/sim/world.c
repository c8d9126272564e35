/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "world.h"

#define MEMORY_SLOTS 65536U	/* of the benchmark world */
#define ROOM_TRIES 8U		/* hot contents a birth steps over */
#define PICK_TRIES 64U
#define LIFE_SIGMA 0.8
#define CAPACITY_MIN 15.0
#define CAPACITY_PART 0.002	/* of all acts in a life: the most shares one content is good for, about */

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

static void set_heat(struct vr_sim_world *w, uint32_t slot, double heat)
{
	uint32_t i = w->leaves + slot;

	w->tree[i] = heat;
	for (i >>= 1; i; i >>= 1)
		w->tree[i] = w->tree[2 * i] + w->tree[2 * i + 1];
}

static double heat_of(const struct vr_sim_slot *s, double now_ms)
{
	double age = (now_ms - s->born_ms) / s->life_ms, known = s->shares / s->capacity;

	return s->attraction * (1 + s->spark) * exp(-age - known);
}

static void settle(struct vr_sim_world *w, struct vr_sim_slot *s, struct vr_sim_rng *rng, double born_ms)
{
	*s = (struct vr_sim_slot){.content = ++w->born, .born_ms = born_ms};
	s->attraction = vr_sim_rng_lognormal(rng, 1, 1.3);
	s->capacity = vr_sim_rng_pareto(rng, CAPACITY_MIN, 1.1, w->capacity_max);
	s->life_ms = vr_sim_rng_lognormal(rng, w->life_ms * exp(-LIFE_SIGMA * LIFE_SIGMA / 2), LIFE_SIGMA);
}

/* A world that has been going for a while: everybody has an age. */
static void populate(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms)
{
	for (uint32_t i = 0; i < w->n_slots; i++) {
		double age = w->life_ms * (w->n_slots - i) / w->n_slots;

		settle(w, &w->slots[i], rng, now_ms - age);
		w->tree[w->leaves + i] = heat_of(&w->slots[i], now_ms);
	}
	for (uint32_t i = w->leaves - 1; i; i--)
		w->tree[i] = w->tree[2 * i] + w->tree[2 * i + 1];
}

static void *get_cleared(struct vr_mem *mem, size_t n)
{
	void *p = vr_mem_get(mem, n);

	return p ? memset(p, 0, n) : NULL;
}

static enum vr_err init_living(struct vr_sim_world *w, const struct vr_sim_config *c, struct vr_sim_rng *rng)
{
	w->leaves = power_of_two(w->n_slots);
	w->tree = get_cleared(w->mem, 2U * w->leaves * sizeof(*w->tree));
	if (!w->tree)
		return VR_E_NOMEM;
	populate(w, rng, (double)c->start.ms);
	return VR_OK;
}

enum vr_err vr_sim_world_init(struct vr_sim_world *w, struct vr_mem *mem, const struct vr_sim_config *c,
	struct vr_sim_rng *rng)
{
	bool living = c->zipf <= 0;

	*w = (struct vr_sim_world){.mem = mem, .life_ms = (double)c->life.ms};
	w->capacity_max = fmax(4 * CAPACITY_MIN, CAPACITY_PART * c->rate * (double)c->life.ms / 1000);
	w->n_slots = living ? c->contents : MEMORY_SLOTS;
	w->slots = get_cleared(mem, w->n_slots * sizeof(*w->slots));
	if (!w->slots)
		return VR_E_NOMEM;
	if (living)
		return init_living(w, c, rng);
	vr_sim_zipf_init(&w->zipf, c->contents, c->zipf);
	return VR_OK;
}

void vr_sim_world_done(struct vr_sim_world *w)
{
	if (!w->mem)
		return;
	vr_mem_put(w->mem, w->slots, w->n_slots * sizeof(*w->slots));
	vr_mem_put(w->mem, w->tree, 2U * w->leaves * sizeof(*w->tree));
	*w = (struct vr_sim_world){0};
}

static uint32_t descend(const struct vr_sim_world *w, double at)
{
	uint32_t i = 1;

	while (i < w->leaves) {
		i *= 2;
		if (at >= w->tree[i]) {
			at -= w->tree[i];
			i++;
		}
	}
	return i - w->leaves < w->n_slots ? i - w->leaves : w->n_slots - 1;
}

static struct vr_sim_slot *pick_living(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms)
{
	uint32_t i = 0;

	for (unsigned try = 0; try < PICK_TRIES; try++) {
		double stored, heat;

		i = descend(w, vr_sim_rng_unit(rng) * w->tree[1]);
		stored = w->tree[w->leaves + i];
		heat = heat_of(&w->slots[i], now_ms);
		set_heat(w, i, heat);
		if (vr_sim_rng_unit(rng) * stored < heat)
			break;
	}
	return &w->slots[i];
}

static struct vr_sim_slot *memory_slot(struct vr_sim_world *w, uint64_t content)
{
	return &w->slots[vr_sim_mix64(content) & (w->n_slots - 1)];
}

static struct vr_sim_slot *pick_rank(struct vr_sim_world *w, struct vr_sim_rng *rng)
{
	uint64_t rank = vr_sim_zipf_draw(&w->zipf, rng);
	struct vr_sim_slot *s = memory_slot(w, rank);

	if (s->content != rank)
		*s = (struct vr_sim_slot){.content = rank};
	return s;
}

struct vr_sim_slot *vr_sim_world_pick(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms)
{
	return w->zipf.n ? pick_rank(w, rng) : pick_living(w, rng, now_ms);
}

struct vr_sim_slot *vr_sim_world_birth(struct vr_sim_world *w, struct vr_sim_rng *rng, double now_ms)
{
	double usual = w->tree[1] / w->n_slots;
	uint32_t i = w->next_slot;

	for (unsigned try = 0; try < ROOM_TRIES; try++) {
		if (heat_of(&w->slots[i], now_ms) <= usual)
			break;
		i = (i + 1) % w->n_slots;
	}
	w->next_slot = (i + 1) % w->n_slots;
	settle(w, &w->slots[i], rng, now_ms);
	set_heat(w, i, heat_of(&w->slots[i], now_ms));
	return &w->slots[i];
}

uint32_t vr_sim_world_place(const struct vr_sim_world *w, const struct vr_sim_slot *slot)
{
	return (uint32_t)(slot - w->slots);
}

struct vr_sim_slot *vr_sim_world_at(struct vr_sim_world *w, uint32_t place, uint64_t content)
{
	return w->slots[place].content == content ? &w->slots[place] : NULL;
}

void vr_sim_world_share(
	struct vr_sim_world *w, struct vr_sim_slot *slot, const struct vr_sim_share *share, double now_ms)
{
	slot->past[slot->next_past] = *share;
	slot->next_past = (uint8_t)((slot->next_past + 1) % VR_SIM_PAST);
	if (slot->n_past < VR_SIM_PAST)
		slot->n_past++;
	slot->shares++;
	if (w->zipf.n)
		return;
	/* A crowd of shares overlaps in whom it reaches. */
	slot->spark += share->pull / sqrt(slot->shares);
	set_heat(w, vr_sim_world_place(w, slot), heat_of(slot, now_ms));
}

const struct vr_sim_share *vr_sim_slot_source(const struct vr_sim_slot *slot, struct vr_sim_rng *rng)
{
	const struct vr_sim_share *best;
	const struct vr_sim_share *other;

	if (slot->n_past == 0 || vr_sim_rng_chance(rng, 0.4))
		return NULL;
	best = &slot->past[vr_sim_rng_below(rng, slot->n_past)];
	for (unsigned i = 0; i < 2; i++) {
		other = &slot->past[vr_sim_rng_below(rng, slot->n_past)];
		if (other->pull > best->pull)
			best = other;
	}
	return best;
}
