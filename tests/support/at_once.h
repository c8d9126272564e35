/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* at_once.h - tests of one program that wait rather than work, all at the same time.
 *
 *      main ─ fork ─> test 1 ─┐
 *           ─ fork ─> test 2 ─┼─> what each printed, in the order of the table ─> exit status
 *           ─ fork ─> test 3 ─┘
 *
 * Each test is a cmocka group of its own in a process of its own: one that crashes or leaks fails alone. Nothing may run
 * in the program before: no thread outlives a fork. The children go when the program goes.                          */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 32 };

struct at_once { pid_t pid; FILE *said; };

static inline struct at_once at_once_begin(const struct CMUnitTest *test)
{
	struct at_once run = {.said = tmpfile()};
	fflush(NULL);
	run.pid = run.said ? fork() : -1;
	if (run.pid != 0)
		return run;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fileno(run.said), STDOUT_FILENO);
	dup2(fileno(run.said), STDERR_FILENO);
	exit(_cmocka_run_group_tests(test->name, test, 1, NULL, NULL) != 0);
}

/* Whether it passed. */
static inline bool at_once_end(struct at_once *run)
{
	char text[4096];
	int status = -1;
	bool ended = run->pid > 0 && waitpid(run->pid, &status, 0) == run->pid;
	if (run->said)
		rewind(run->said);
	for (size_t n; run->said && (n = fread(text, 1, sizeof(text), run->said)) > 0;)
		fwrite(text, 1, n, stdout);
	if (run->said)
		fclose(run->said);
	return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/** The exit status of the program: how many did not pass. */
static inline int at_once_run(const struct CMUnitTest *tests, size_t n)
{
	struct at_once run[AT_ONCE_MAX];
	int failed = 0;
	if (n > AT_ONCE_MAX)
		return -1;
	for (size_t i = 0; i < n; i++)
		run[i] = at_once_begin(&tests[i]);
	for (size_t i = 0; i < n; i++)
		if (!at_once_end(&run[i])) {
			printf("%s did not pass\n", tests[i].name);
			failed++;
		}
	return failed;
}

#define AT_ONCE_RUN(tests) at_once_run(tests, sizeof(tests) / sizeof((tests)[0]))
