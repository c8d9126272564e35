/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tls.h - TLS over a connection that hiredis made; only where hiredis was built with it (1.0 and newer).
 *
 * The server's certificate must be signed by the given authorities (empty: the system's) and name the host.
 * Threads: one owner of a context.   Fails: VR_E_UNSUPPORTED where there is none; VR_E_AWAY: no handshake.
 * SIGPIPE: OpenSSL writes without MSG_NOSIGNAL; a process that uses TLS ignores the signal.               */
#include <hiredis.h>
#include <sys/types.h>
#include "virality/redis.h"

/** VR_OK where this build has TLS. */
VR_MUST enum vr_err vr_tls_ready(const char *where, struct vr_diag *d);
/** Shake hands; afterwards the context does not block. */
VR_MUST enum vr_err vr_tls_start(redisContext *c, const char *ca_file, const char *host, struct vr_diag *d);
/** Like send and recv of a socket that does not block: bytes moved, 0 for the peer's end, -1 and errno
 * (EAGAIN: later). Bytes taken by send may still wait: vr_tls_pending. */
ssize_t vr_tls_send(redisContext *c, const char *p, size_t n);
ssize_t vr_tls_recv(redisContext *c, char *p, size_t n);
/** Bytes taken by vr_tls_send that wait for the socket; send with n == 0 pushes them. */
bool vr_tls_pending(const redisContext *c);
