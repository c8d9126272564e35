/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sim_co.h - a function that can be left in the middle and taken up again.
 *
 * Ownership: the stack stays with the object from one start to the next; sim_co_done frees it.
 * An abandoned coroutine is simply not resumed any more: nothing of it runs.   Fails: aborts. */
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

struct sim_co {
	ucontext_t own, caller;
	void *stack;
	void (*run)(void *arg);
	void *arg;
	bool running;
	void *fake_own, *fake_caller; /* AddressSanitizer's */
	const void *caller_stack;
	size_t caller_size;
};

/** The next resume enters run(arg). */
void sim_co_start(struct sim_co *c, void (*run)(void *arg), void *arg);
/** Until it yields. */
void sim_co_resume(struct sim_co *c);
void sim_co_yield(struct sim_co *c);
void sim_co_done(struct sim_co *c);
