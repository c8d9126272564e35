/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#ifdef VR_HIREDIS_SSL
#include <errno.h>
#include <fcntl.h>
#include <hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define RECORD_BYTES (16U * 1024U)
#define REASON_BYTES 128

/* hiredis checks the signature only; that the certificate is this host's is for us to ask. */
static bool demand_name(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	ERR_clear_error();
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

static bool trust(SSL_CTX *ctx, const char *ca_file)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return false;
	return (ca_file[0] ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
			   : SSL_CTX_set_default_verify_paths(ctx)) == 1;
}

static SSL *new_ssl(const char *ca_file, const char *host)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx && trust(ctx, ca_file) ? SSL_new(ctx) : NULL;

	if (ssl && !demand_name(ssl, host)) {
		SSL_free(ssl);
		ssl = NULL;
	}
	SSL_CTX_free(ctx);	/* the session holds it */
	return ssl;
}

static bool stop_blocking(redisContext *c)
{
	int flags = fcntl(c->fd, F_GETFL);

	c->flags &= ~REDIS_BLOCK;
	return flags >= 0 && fcntl(c->fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static enum vr_err refuse(enum vr_err err, const char *host, const char *what, struct vr_diag *d)
{
	char reason[REASON_BYTES];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	return vr_diag_set(d, err, host, "TLS: %s (%s)", what, reason);
}

enum vr_err vr_tls_ready(const char *where, struct vr_diag *d)
{
	(void)where;
	(void)d;
	return VR_OK;
}

enum vr_err vr_tls_start(redisContext *c, const char *ca_file, const char *host, struct vr_diag *d)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = new_ssl(ca_file, host);
	if (!ssl)
		return refuse(VR_E_CONFIG, host, "cannot be set up; look at redis.tls_ca_file", d);
	if (redisInitiateSSL(c, ssl) != REDIS_OK) {
		SSL_free(ssl);	/* taken only on success */
		return vr_diag_set(d, VR_E_AWAY, host, "TLS: no handshake: %s", c->errstr);
	}
	return stop_blocking(c) ? VR_OK : VR_E_AWAY;
}

bool vr_tls_pending(const redisContext *c)
{
	return sdslen(c->obuf) > 0;
}

/* OpenSSL wants a record that could not be written offered again unchanged; hiredis keeps it in obuf. */
ssize_t vr_tls_send(redisContext *c, const char *p, size_t n)
{
	size_t take = n < RECORD_BYTES ? n : RECORD_BYTES;
	int done = 0;

	if (vr_tls_pending(c))
		take = 0;
	if (take > 0 && redisAppendFormattedCommand(c, p, take) != REDIS_OK)
		return errno = ENOMEM, -1;
	if (redisBufferWrite(c, &done) != REDIS_OK)
		return errno = EIO, -1;
	return (ssize_t)take;
}

ssize_t vr_tls_recv(redisContext *c, char *p, size_t n)
{
	ssize_t got = c->funcs->read(c, p, n);

	if (got > 0)
		return got;
	if (got < 0 && c->err == REDIS_ERR_EOF)
		return 0;
	errno = got < 0 ? ECONNRESET : EAGAIN;
	return -1;
}

#else
#include <errno.h>

enum vr_err vr_tls_ready(const char *where, struct vr_diag *d)
{
	return vr_diag_set(d, VR_E_UNSUPPORTED, where,
		"TLS: this build's hiredis has none (1.0 or newer with hiredis_ssl has); "
		"use a Unix socket, or a TLS tunnel beside virald such as stunnel");
}

enum vr_err vr_tls_start(redisContext *c, const char *ca_file, const char *host, struct vr_diag *d)
{
	(void)c;
	(void)ca_file;
	return vr_tls_ready(host, d);
}

ssize_t vr_tls_send(redisContext *c, const char *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	errno = ENOTSUP;
	return -1;
}

ssize_t vr_tls_recv(redisContext *c, char *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	errno = ENOTSUP;
	return -1;
}

bool vr_tls_pending(const redisContext *c)
{
	(void)c;
	return false;
}
#endif
