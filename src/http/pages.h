/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pages.h - what a request gets, apart from how it came.   Threads: the server's. */
#include "virality/http.h"

struct request {
	const char *method, *path;
	const char *host;	/* NULL: no such header */
	bool verbose;		/* ?verbose is there */
	bool http_1_0;
};
struct answer {
	unsigned status;
	const char *type;	/* content-type */
	const char *allow;	/* the header, or NULL */
	struct vr_buf body;
};
/** Fills *a, whose body is initialised. loopback: only hosts that are loopback too are answered. */
void answer(const struct vr_http_config *config, bool loopback, const struct request *rq, struct answer *a);
