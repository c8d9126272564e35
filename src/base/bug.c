/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a program that found itself wrong: write and abort only, because stdio,
 * the heap and the log may be what is broken. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "virality/err.h"

static void say(const char *z)
{
	size_t n = strlen(z);

	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, z, n);
		if (done <= 0)
			return;
		z += done;
		n -= (size_t)done;
	}
}

static void say_number(int v)
{
	char digits[12] = "";
	size_t i = sizeof(digits) - 1;

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	say(digits + i);
}

_Noreturn void vr_bug(const char *file, int line, const char *expr)
{
	say("bug: ");
	say(file);
	say(":");
	say_number(line);
	say(": ");
	say(expr);
	say("\n");
	abort();
}
