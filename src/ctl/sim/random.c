/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "random.h"

uint64_t vr_sim_mix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void vr_sim_rng_init(struct vr_sim_rng *rng, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		rng->s[i] = vr_sim_mix64(seed + i * UINT64_C(0x632be59bd9b4e019));
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t vr_sim_rng_u64(struct vr_sim_rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t vr_sim_rng_below(struct vr_sim_rng *rng, uint32_t n)
{
	return (uint32_t)(((vr_sim_rng_u64(rng) >> 32) * n) >> 32);
}

double vr_sim_rng_unit(struct vr_sim_rng *rng)
{
	return ((double)(vr_sim_rng_u64(rng) >> 12) + 0.5) * 0x1p-52;
}

bool vr_sim_rng_chance(struct vr_sim_rng *rng, double p)
{
	return vr_sim_rng_unit(rng) < p;
}

double vr_sim_rng_exponential(struct vr_sim_rng *rng, double mean)
{
	return -log(vr_sim_rng_unit(rng)) * mean;
}

double vr_sim_rng_lognormal(struct vr_sim_rng *rng, double median, double sigma)
{
	double r = sqrt(-2.0 * log(vr_sim_rng_unit(rng)));

	return median * exp(sigma * r * cos(2.0 * M_PI * vr_sim_rng_unit(rng)));
}

double vr_sim_rng_pareto(struct vr_sim_rng *rng, double min, double alpha, double max)
{
	return fmin(max, min * pow(vr_sim_rng_unit(rng), -1.0 / alpha));
}

uint32_t vr_sim_rng_weighted(struct vr_sim_rng *rng, const double *weights, uint32_t n)
{
	double sum = 0, u;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += weights[i];
	u = vr_sim_rng_unit(rng) * sum;
	for (i = 0; i + 1 < n && u >= weights[i]; i++)
		u -= weights[i];
	return i;
}

/* (exp(x) - 1) / x and log(1 + x) / x, also near 0. */
static double expm1_over(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* The integral of h(x) = x^-exponent, and its inverse. */
static double integral(const struct vr_sim_zipf *z, double x)
{
	double l = log(x);

	return expm1_over((1 - z->exponent) * l) * l;
}

static double integral_inverse(const struct vr_sim_zipf *z, double y)
{
	double t = fmax(-1.0, y * (1 - z->exponent));

	return exp(log1p_over(t) * y);
}

static double density(const struct vr_sim_zipf *z, double x)
{
	return exp(-z->exponent * log(x));
}

void vr_sim_zipf_init(struct vr_sim_zipf *z, uint32_t n, double exponent)
{
	*z = (struct vr_sim_zipf){.exponent = exponent, .n = n};
	z->h_x1 = integral(z, 1.5) - 1;
	z->h_n = integral(z, n + 0.5);
	z->cut = 2 - integral_inverse(z, integral(z, 2.5) - density(z, 2));
}

uint32_t vr_sim_zipf_draw(const struct vr_sim_zipf *z, struct vr_sim_rng *rng)
{
	for (;;) {
		double u = z->h_n + vr_sim_rng_unit(rng) * (z->h_x1 - z->h_n);
		double x = integral_inverse(z, u);
		double k = fmin(fmax(floor(x + 0.5), 1), z->n);

		if (k - x <= z->cut || u >= integral(z, k + 0.5) - density(z, k))
			return (uint32_t)k;
	}
}
