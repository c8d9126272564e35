/* SPDX-License-Identifier: Apache-2.0 */
/* TLS against a real server where this build has it; else the message that names the ways round. */
#include "rig.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "redis_server.h"

/* A port that was free a moment ago. */
static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	(void)close(fd);
	return ntohs(a.sin_port);
}

struct scene {
	struct redis_server *server;
	int port_number;
	char dir[32], port[8], cert[64], key[64];
};

static void open_scene(struct scene *s)
{
	char command[512];

	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/vr-tls-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->cert, sizeof(s->cert), "%s/cert.pem", s->dir);
	(void)snprintf(s->key, sizeof(s->key), "%s/key.pem", s->dir);
	(void)snprintf(command, sizeof(command),
		"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=elsewhere "
		"-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null", s->key, s->cert);
	assert_int_equal(system(command), 0);
	s->port_number = free_port();
	(void)snprintf(s->port, sizeof(s->port), "%d", s->port_number);
	s->server = redis_server_start((const char *const[]){"--tls-port", s->port, "--tls-cert-file", s->cert,
		"--tls-key-file", s->key, "--tls-auth-clients", "no", NULL});
}

static void close_scene(struct scene *s)
{
	char command[64];

	redis_server_stop(s->server);
	(void)snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	assert_int_equal(system(command), 0);
}

static enum vr_err connect_to(struct rig *g, const char *host, int port, const char *ca_file)
{
	rig_open(g, &(struct vr_redis_config){.host = vr_str_c(host), .port = port, .tls = true,
		.tls_ca_file = vr_str_c(ca_file), .timeout = {60000}});
	return vr_redis_connect(g->redis, &g->diag);
}

static void expect_away(const struct scene *s, const char *host, const char *ca_file)
{
	struct rig g;

	assert_int_equal(connect_to(&g, host, s->port_number, ca_file), VR_E_AWAY);
	assert_non_null(strstr(g.diag.text, "TLS"));
	rig_close(&g);
}

/* Both ways at once, through records of TLS. */
static void exchange_much(struct rig *g)
{
	static char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	for (int i = 0; i < 2000; i++) {
		vr_cmd_words(&g->cmds, "SET", "k", big, NULL);
		vr_cmd_words(&g->cmds, "GET", "k", NULL);
	}
	assert_int_equal(rig_go(g), VR_OK);
	assert_int_equal(g->replies.n, 4000);
	assert_string_equal(g->replies.at[3999].str.p, big);
}

static void with_tls(void)
{
	struct scene s;
	struct rig g;

	open_scene(&s);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(connect_to(&g, "127.0.0.1", s.port_number, s.cert), VR_OK);
	exchange_much(&g);
	assert_int_equal(rig_run(&g, "GET", "absent"), VR_OK);
	assert_int_equal(rig_run(&g, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"), VR_OK);
	assert_int_equal(rig_run(&g, "PING"), VR_E_LOST_LINK);
	assert_int_equal(rig_run(&g, "PING"), VR_OK);
	rig_close(&g);
	expect_away(&s, "127.0.0.1", "");	/* nobody vouches for the certificate */
	expect_away(&s, "localhost", s.cert);	/* it names another */
	close_scene(&s);
}

static void tls_or_a_way_round(void **state)
{
	struct rig g;
	enum vr_err err = connect_to(&g, "127.0.0.1", 1, "");

	(void)state;
	if (err == VR_E_UNSUPPORTED) {
		assert_non_null(strstr(g.diag.text, "stunnel"));
		assert_non_null(strstr(g.diag.text, "Unix socket"));
	}
	rig_close(&g);
	if (err != VR_E_UNSUPPORTED)
		with_tls();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tls_or_a_way_round)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
