/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* http.h - metrics and health over HTTP, and nothing else.
 *
 *      /metrics                              Prometheus' text format
 *      /livez  (/healthz, /-/healthy)        is the process worth keeping? 200 or 503
 *      /readyz (/-/ready)                    is it doing its work? 200 or 503
 *              ?verbose                      [+]name ok / [-]name failed: reason; a failure is always told so
 *      /                                     what there is
 *
 * Plain HTTP, GET and HEAD. Bound to a loopback address it answers only to a Host that is one too: a web page
 * whose name is made to resolve to 127.0.0.1 reads nothing.
 * Threads: one of its own, which calls the checks; they must be safe to call from it.
 * Ownership: keeps metrics, checks and their ctx until vr_http_free.
 * Fails:   VR_E_CONFIG when the address cannot be bound; the diag says which and why.                      */
#include "virality/metrics.h"

/* A question about the daemon's health. On false, why has the reason: one line without its end. */
struct vr_health {
	const char *name;
	bool (*ok)(void *ctx, struct vr_buf *why);
	void *ctx;
};
struct vr_http_config {
	struct vr_str host;		/* address or name to listen on */
	int port;			/* 0: any that is free */
	struct vr_metrics *metrics;
	const struct vr_health *live, *ready;
	size_t n_live, n_ready;
	const char *version;
	/** A line of libmicrohttpd's own log, without its end. From the server's thread; may be NULL. */
	void (*log)(void *ctx, const char *text);
	void *log_ctx;
};
struct vr_http;			/* opaque */
VR_MUST enum vr_err vr_http_new(const struct vr_http_config *config, struct vr_http **ret, struct vr_diag *d);
/** Ends open connections and the thread. */
void vr_http_free(struct vr_http *h);
/** The port it listens on. */
int vr_http_port(const struct vr_http *h);
