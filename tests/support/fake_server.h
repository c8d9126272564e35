/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fake_server.h - a listening socket whose other end is a function: for what a real server cannot be made
 * to say.
 *
 * Each connection is served by `serve` in a thread of its own, one after another; it returns to close.
 * Ownership: start allocates, stop joins and frees.                                                 */
#include <pthread.h>
#include <stdbool.h>

typedef void fake_serve_f(int fd, void *arg);

struct fake_server {
	char path[64];		/* Unix socket; empty with TCP */
	int port;		/* TCP on 127.0.0.1; 0 with a Unix socket */
	int fd;
	fake_serve_f *serve;
	void *arg;
	pthread_t thread;
};

struct fake_server *fake_server_start(bool tcp, fake_serve_f *serve, void *arg);
void fake_server_stop(struct fake_server *s);
/** Send a C string whole. */
void fake_say(int fd, const char *text);
/** Read until `needle` came in or the peer is gone; false: gone. */
bool fake_await(int fd, const char *needle);
