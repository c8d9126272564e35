/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* wire.h - one connection's bytes: all commands out, all replies in, within a time.
 *
 * Picture:   cmds.buf [ sent | not yet ] --> socket --> reader --> ret.at [ got | not yet ]
 * Both directions are served in turn by poll, so that a server (or a proxy) that stops reading
 * because nobody reads its replies cannot block us.
 * Ownership: a wire owns socket and parser.   Threads: one owner.
 * Fails: after any failure the wire is only good for closing. A timeout bounds the whole exchange. */
#include "virality/redis.h"

struct vr_wire;

struct vr_wire_target {
	const char *where;			/* for messages: "redis host:port" */
	const char *host, *unix_path;		/* unix_path not empty: a Unix socket */
	int port;
	bool tls;
	const char *tls_ca_file;
	struct vr_span connect_timeout, timeout;
};

/* How far an exchange came, also when it failed. */
struct vr_wire_progress { size_t sent, got; };	/* bytes, replies */

/** VR_E_AWAY: no connection; VR_E_UNSUPPORTED: no TLS in this build. Borrows target while the wire lives. */
VR_MUST enum vr_err vr_wire_open(const struct vr_wire_target *target, struct vr_wire **ret,
	struct vr_diag *d);
void vr_wire_close(struct vr_wire *w);
/** Room for cmds->n replies must be in ret. */
VR_MUST enum vr_err vr_wire_exchange(struct vr_wire *w, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret, struct vr_wire_progress *progress, struct vr_diag *d);
