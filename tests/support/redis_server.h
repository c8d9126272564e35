/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* redis_server.h - a real redis-server of one test, on a Unix socket in a directory of its own.
 *
 * It dies with the test, whatever happens to the test. Ready means: it answered PING.
 * Ownership: start allocates, stop frees and removes the directory.   Threads: one owner.
 * Fails: by failing the test (a missing redis-server is a failure, too).                */
#include <sys/types.h>

struct redis_server {
	char dir[64];
	char socket[96];
	pid_t pid;
};

/** args: further words of redis-server's command line, ending with NULL ("--requirepass", "x", NULL); may
 * be NULL. */
struct redis_server *redis_server_start(const char *const *args);
void redis_server_stop(struct redis_server *s);
/** Kill without a word, then start again on the same directory. */
void redis_server_restart(struct redis_server *s, const char *const *args);
/** SIGSTOP and SIGCONT. */
void redis_server_freeze(struct redis_server *s);
void redis_server_thaw(struct redis_server *s);
