/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_co.h"

#include <stdint.h>
#include <sys/mman.h>
#include "virality/err.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
enum { STACK = 1 << 20 };
#define START_SWITCH(save, bottom, size)  __sanitizer_start_switch_fiber(save, bottom, size)
#define FINISH_SWITCH(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#else
enum { STACK = 1 << 18 };
#define START_SWITCH(save, bottom, size)  ((void)0)
#define FINISH_SWITCH(save, bottom, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* makecontext passes ints only. */
static void enter(unsigned high, unsigned low)
{
	struct sim_co *c = (struct sim_co *)((uintptr_t)high << 32 | (uintptr_t)low);
	FINISH_SWITCH(NULL, &c->caller_stack, &c->caller_size);
	c->run(c->arg);
	VR_ASSERT(!"a coroutine does not return");
}

void sim_co_start(struct sim_co *c, void (*run)(void *arg), void *arg)
{
	if (!c->stack) {
		c->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		VR_ASSERT(c->stack != MAP_FAILED);
	}
	ASAN_UNPOISON_MEMORY_REGION(c->stack, STACK); /* of whoever was abandoned on it */
	c->run = run;
	c->arg = arg;
	c->fake_own = NULL;
	VR_ASSERT(getcontext(&c->own) == 0);
	c->own.uc_stack.ss_sp = c->stack;
	c->own.uc_stack.ss_size = STACK;
	c->own.uc_link = NULL;
	uintptr_t p = (uintptr_t)c;
	makecontext(&c->own, (void (*)(void))enter, 2, (unsigned)(p >> 32), (unsigned)p);
}

void sim_co_resume(struct sim_co *c)
{
	c->running = true;
	START_SWITCH(&c->fake_caller, c->stack, STACK);
	VR_ASSERT(swapcontext(&c->caller, &c->own) == 0);
	FINISH_SWITCH(c->fake_caller, NULL, NULL);
	c->running = false;
}

void sim_co_yield(struct sim_co *c)
{
	START_SWITCH(&c->fake_own, c->caller_stack, c->caller_size);
	VR_ASSERT(swapcontext(&c->own, &c->caller) == 0);
	FINISH_SWITCH(c->fake_own, &c->caller_stack, &c->caller_size);
}

void sim_co_done(struct sim_co *c)
{
	if (c->stack)
		(void)munmap(c->stack, STACK);
	*c = (struct sim_co){0};
}
