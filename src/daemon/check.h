/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* check.h - `virald check`: would it start? And what it is made of.
 *
 *      files ──> every mistake on stderr ──> [Kafka, Redis: can they be reached, would they do?] ──> exit code
 *
 * Nothing is changed anywhere.   Threads: one caller.                                                             */
#include "settings.h"

/** Configuration and rules; connect: also tries Kafka and Redis; dump: prints every setting. Exit code by sysexits. */
int vr_check(const struct vr_settings *from, bool connect, bool dump);
/** `virald --version`: its own, and those of the libraries it was compiled with. */
int vr_check_versions(void);
