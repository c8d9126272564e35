/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* demo.h - the main job with nothing to install but the packages, for trying out only.
 *
 *   an in-process Kafka (librdkafka's mock cluster), a private redis-server in a temporary folder, a generator of
 *   made-up cascades, the daemon as it is, and a picture of what happens
 *
 * Nothing of it survives the end.   Threads: one caller.                                                          */
#include <stdint.h>

struct vr_demo_options { int64_t seconds; double rate; uint64_t seed; };	/* seconds 0: until Ctrl-C */
/** Exit code by sysexits. */
int vr_demo(const struct vr_demo_options *o);
