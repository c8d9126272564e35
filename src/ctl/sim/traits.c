/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "traits.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct vr_sim_channel channels[] = {
	/* name                      weight  direct group feed   median  alpha */
	{VR_STR("wechat_moments"),   22,     {0,    0,    1},     150,    0},
	{VR_STR("wechat"),           14,     {.6,   .4,   0},     0,      0},
	{VR_STR("weibo"),            14,     {0,    0,    1},     60,     1.1},
	{VR_STR("whatsapp"),         12,     {.65,  .35,  0},     0,      0},
	{VR_STR("qq"),               10,     {.5,   .5,   0},     0,      0},
	{VR_STR("x"),                10,     {.05,  0,    .95},   40,     1.05},
	{VR_STR("qzone"),            8,      {0,    0,    1},     120,    0},
	{VR_STR("facebook"),         6,      {0,    .2,   .8},    200,    0},
	{VR_STR("telegram"),         4,      {.4,   .6,   0},     0,      0},
};
static const enum vr_scope scopes[] = {VR_SCOPE_DIRECT, VR_SCOPE_GROUP, VR_SCOPE_FEED};
static const struct vr_str types[] = {
	VR_STR("video"), VR_STR("article"), VR_STR("picture"), VR_STR("product")};

static const char *const first_words[] = {"Quiet", "Golden", "Lost", "Tiny", "Brave", "Hidden", "Electric",
	"Rainy", "Forgotten", "Laughing", "Midnight", "Paper", "Silver", "Stubborn", "Travelling", "Wild"};
static const char *const second_words[] = {"panda", "teacher", "bridge", "kitchen", "robot", "garden",
	"orchestra", "grandmother", "tram", "lighthouse", "football team", "bakery", "library", "comet",
	"\xe7\x86\x8a\xe7\x8c\xab", "caf\xc3\xa9"};
static const char *const third_words[] = {"opens at dawn in", "surprises", "comes home to", "feeds",
	"stops traffic in", "sings for", "is rebuilt by", "wins over", "says goodbye to", "teaches", "crosses",
	"is loved in", "moves to", "goes viral in", "finds a friend in", "lights up"};
static const char *const places[] = {"Chengdu", "Lisbon", "Nairobi", "Osaka", "Lima", "Tallinn", "Xi'an",
	"Porto Alegre", "Reykjav\xc3\xadk", "Hanoi", "Leipzig", "\xe4\xb8\x8a\xe6\xb5\xb7", "Quito", "Galway",
	"Busan", "Dakar"};

const struct vr_sim_channel *vr_sim_channel_at(uint8_t i)
{
	return &channels[i];
}

static uint8_t channel_by(double unit)
{
	double at = unit * 100;		/* the weights add up to 100 */
	uint8_t i = 0;

	while (i + 1U < COUNT(channels) && at >= channels[i].weight)
		at -= channels[i++].weight;
	return i;
}

uint8_t vr_sim_channel_draw(struct vr_sim_rng *rng)
{
	return channel_by(vr_sim_rng_unit(rng));
}

enum vr_scope vr_sim_scope_draw(uint8_t channel, struct vr_sim_rng *rng)
{
	return scopes[vr_sim_rng_weighted(rng, channels[channel].scopes, COUNT(scopes))];
}

uint64_t vr_sim_audience_draw(uint8_t channel, enum vr_scope scope, struct vr_sim_rng *rng)
{
	const struct vr_sim_channel *c = &channels[channel];
	double n;

	if (scope == VR_SCOPE_DIRECT)
		n = vr_sim_rng_pareto(rng, 1, 2.5, 9);
	else if (scope == VR_SCOPE_GROUP)
		n = fmin(500, vr_sim_rng_lognormal(rng, 24, 1));
	else if (c->feed_alpha > 0)
		n = vr_sim_rng_pareto(rng, c->feed_median, c->feed_alpha, 8e7);
	else
		n = fmin(5000, vr_sim_rng_lognormal(rng, c->feed_median, 0.8));
	return n < 1 ? 1 : (uint64_t)n;
}

enum vr_tie vr_sim_tie_draw(enum vr_scope scope, struct vr_sim_rng *rng)
{
	static const double strong[] = {[VR_SCOPE_UNKNOWN] = .5, [VR_SCOPE_DIRECT] = .85, [VR_SCOPE_GROUP] = .5,
		[VR_SCOPE_FEED] = .15};

	return vr_sim_rng_chance(rng, strong[scope]) ? VR_TIE_STRONG : VR_TIE_WEAK;
}

struct vr_sim_traits vr_sim_traits_of(uint64_t seed, uint64_t content)
{
	uint64_t bits = vr_sim_mix64(seed ^ (content * UINT64_C(0xd1342543de82ef95)));
	uint64_t more = vr_sim_mix64(bits);
	bool campaign = more % 11 == 0;

	return (struct vr_sim_traits){
		.bits = bits,
		.channel = channel_by((double)(more >> 11) * 0x1p-53),
		.motive = (enum vr_motive)(1 + (more >> 5) % 5),
		.bought = campaign ? 0.3 + 0.1 * (double)((more >> 8) & 7) : 0,
		.deadline = {campaign ? (int64_t)(2 + ((more >> 12) & 31)) * 3600000 : 0},
	};
}

struct vr_str vr_sim_content_type(const struct vr_sim_traits *t)
{
	return t->bought > 0 ? types[3] : types[(t->bits >> 20) % 3];
}

size_t vr_sim_title(const struct vr_sim_traits *t, char *out)
{
	const char *words[] = {first_words[t->bits & 15], second_words[(t->bits >> 4) & 15],
		third_words[(t->bits >> 8) & 15], places[(t->bits >> 12) & 15]};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t len = strlen(words[i]);

		if (i)
			out[n++] = ' ';
		memcpy(out + n, words[i], len);
		n += len;
	}
	return n;
}
