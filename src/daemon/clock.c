/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct vr_mono vr_clock_mono(void) { return (struct vr_mono){read_clock(CLOCK_MONOTONIC)}; }
struct vr_wall vr_clock_wall(void) { return (struct vr_wall){read_clock(CLOCK_REALTIME)}; }

void vr_clock_token(char out[VR_TOKEN_LEN + 1])
{
	unsigned char random[VR_TOKEN_LEN / 2];
	VR_ASSERT(getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		out[2 * i] = "0123456789abcdef"[random[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
	}
	out[VR_TOKEN_LEN] = '\0';
}
