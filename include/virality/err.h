/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* err.h - what can go wrong, and what follows from it.
 *
 * Every function that can fail returns enum vr_err and is VR_MUST. The verdict of an
 * error says what the caller at the top does (err.def); nobody below decides that.
 * Details for people travel in struct vr_diag: rooms return, the outermost room says
 * it once.   Threads: all functions are pure.                                        */
#include <stdbool.h>
#include <stddef.h>

#define VR_MUST __attribute__((warn_unused_result))
#define VR_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum vr_err {
#define VR_ERR(name, verdict, text) VR_##name,
#include "virality/err.def"
#undef VR_ERR
	_VR_ERR_MAX
};

enum vr_verdict {
	VR_VERDICT_OK,
	VR_VERDICT_RETRY,
	VR_VERDICT_POISON,
	VR_VERDICT_REWIND,
	VR_VERDICT_STOP,
	VR_VERDICT_CONFIG,
	VR_VERDICT_FATAL,
};

/** Lower-case name without prefix ("time_ahead"): the `reason` of metrics and dead letters. */
const char *vr_err_name(enum vr_err err);
/** One clause for people. */
const char *vr_err_text(enum vr_err err);
enum vr_verdict vr_err_verdict(enum vr_err err);

/** A message for a person: where (file:line:column or a peer) and what, with what to do. */
struct vr_diag {
	char where[256];
	char text[512];
};

/** Fill *d (may be NULL) and return err, so that `return vr_diag_set(...)` reads well. */
enum vr_err vr_diag_set(struct vr_diag *d, enum vr_err err, const char *where, const char *fmt, ...)
	VR_PRINTF(4, 5);

/** An own bug: prints file, line and expression to stderr, then aborts. Always compiled in. */
_Noreturn void vr_bug(const char *file, int line, const char *expr);
#define VR_ASSERT(e) ((e) ? (void)0 : vr_bug(__FILE__, __LINE__, #e))
