/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* exit.h - the exit code that follows from an error: sysexits(3), by its verdict.   Threads: any.   Fails: never. */
#include "virality/err.h"

/** 0, 69 a peer is away, 70 own fault, 78 configuration, or an operator has to decide. */
int vr_exit_of(enum vr_err err);
