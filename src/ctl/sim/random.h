/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* random.h - the dice of the simulation: xoshiro256++ and the distributions made from it.
 *
 * Threads: one owner.   Fails: never.                                                     */
#include <stdbool.h>
#include <stdint.h>

struct vr_sim_rng { uint64_t s[4]; };

void vr_sim_rng_init(struct vr_sim_rng *rng, uint64_t seed);
uint64_t vr_sim_rng_u64(struct vr_sim_rng *rng);
/** 0 <= x < n; n > 0. */
uint32_t vr_sim_rng_below(struct vr_sim_rng *rng, uint32_t n);
/** 0 < x < 1. */
double vr_sim_rng_unit(struct vr_sim_rng *rng);
bool vr_sim_rng_chance(struct vr_sim_rng *rng, double p);
double vr_sim_rng_exponential(struct vr_sim_rng *rng, double mean);
double vr_sim_rng_lognormal(struct vr_sim_rng *rng, double median, double sigma);
/** P(X > x) = (min/x)^alpha, cut at max. */
double vr_sim_rng_pareto(struct vr_sim_rng *rng, double min, double alpha, double max);
/** Index drawn by weight; the last when rounding leaves a rest. */
uint32_t vr_sim_rng_weighted(struct vr_sim_rng *rng, const double *weights, uint32_t n);

/** A good mix of all bits: stable figures from a number, without a generator. */
uint64_t vr_sim_mix64(uint64_t x);

/* Zipf over ranks 1..n by rejection-inversion (Hoermann, Derflinger 1996): no table, constant time. */
struct vr_sim_zipf { double exponent, h_x1, h_n, cut; uint32_t n; };
void vr_sim_zipf_init(struct vr_sim_zipf *z, uint32_t n, double exponent);
/** A rank, 1 to n. */
uint32_t vr_sim_zipf_draw(const struct vr_sim_zipf *z, struct vr_sim_rng *rng);
