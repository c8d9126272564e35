/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* traits.h - what a content is, and how channels behave: tables and figures drawn from a number alone,
 * so that a million contents cost no memory.   Threads: pure, but for the dice handed in.           */
#include "act.h"
#include "random.h"

struct vr_sim_channel {
	struct vr_str name;
	double weight;			/* how much is shared there */
	double scopes[3];		/* direct, group, feed */
	double feed_median;		/* of a feed's audience */
	double feed_alpha;		/* > 0: a public feed, Pareto from feed_median on; 0: friends, log-normal */
};
const struct vr_sim_channel *vr_sim_channel_at(uint8_t i);
/** A channel by how much is shared there. */
uint8_t vr_sim_channel_draw(struct vr_sim_rng *rng);
/** A scope of that channel, and how many a share into it reaches. */
enum vr_scope vr_sim_scope_draw(uint8_t channel, struct vr_sim_rng *rng);
uint64_t vr_sim_audience_draw(uint8_t channel, enum vr_scope scope, struct vr_sim_rng *rng);
enum vr_tie vr_sim_tie_draw(enum vr_scope scope, struct vr_sim_rng *rng);

struct vr_sim_traits {
	uint64_t bits;			/* for whatever else is asked */
	uint8_t channel;		/* where it is at home */
	enum vr_motive motive;		/* most people's */
	double bought;			/* part of its shares that are paid for */
	struct vr_span deadline;	/* after its birth, whole hours; 0: none */
};
struct vr_sim_traits vr_sim_traits_of(uint64_t seed, uint64_t content);
struct vr_str vr_sim_content_type(const struct vr_sim_traits *t);

enum { VR_SIM_TITLE_MAX = 96 };
/** Writes a headline of at most VR_SIM_TITLE_MAX bytes; gives its length. */
size_t vr_sim_title(const struct vr_sim_traits *t, char *out);
