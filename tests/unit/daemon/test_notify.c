/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager hears, over sockets with a path and without one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"
#include "virality/notify.h"

struct manager {
	int fd;
	char path[100];		/* as $NOTIFY_SOCKET has it */
	struct vr_notify n;
};

static void open_manager(struct manager *m, bool abstract)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	static int number;
	snprintf(m->path, sizeof(m->path), abstract ? "@vr-test-notify-%d-%d" : "/tmp/vr-test-notify-%d-%d",
		(int)getpid(), number++);
	size_t len = strlen(m->path);
	memcpy(a.sun_path, m->path, len);
	if (abstract)
		a.sun_path[0] = '\0';
	m->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(
		bind(m->fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", m->path, 1);
	vr_notify_init(&m->n);
}

static void close_manager(struct manager *m)
{
	vr_notify_done(&m->n);
	close(m->fd);
	if (m->path[0] == '/')
		unlink(m->path);
	unsetenv("NOTIFY_SOCKET");
}

static const char *hear(const struct manager *m)
{
	static char text[1024];
	ssize_t n = recv(m->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void says_everything(bool abstract)
{
	struct manager m;
	long long usec;
	open_manager(&m, abstract);
	vr_notify_status(&m.n, "lag %d", 7);
	assert_string_equal(hear(&m), "STATUS=lag 7");
	vr_notify_ready(&m.n);
	assert_string_equal(hear(&m), "READY=1");
	vr_notify_reloading(&m.n);
	assert_int_equal(sscanf(hear(&m), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
	assert_true(usec > 0);
	vr_notify_watchdog(&m.n);
	assert_string_equal(hear(&m), "WATCHDOG=1");
	vr_notify_extend(&m.n, (struct vr_span){1500});
	assert_string_equal(hear(&m), "EXTEND_TIMEOUT_USEC=1500000");
	vr_notify_stopping(&m.n);
	assert_string_equal(hear(&m), "STOPPING=1");
	assert_string_equal(hear(&m), "");
	close_manager(&m);
}

static void a_socket_with_a_path(void **state) { (void)state; says_everything(false); }
static void an_abstract_socket(void **state) { (void)state; says_everything(true); }

static void a_status_is_one_short_line(void **state)
{
	char word[1000];
	struct manager m;
	(void)state;
	open_manager(&m, true);
	vr_notify_status(&m.n, "a\nREADY=1\tb");
	assert_string_equal(hear(&m), "STATUS=a READY=1 b");
	memset(word, 'x', sizeof(word));
	memcpy(word + 498, "\xc3\xa4\xc3\xa4", 4);
	word[600] = '\0';
	vr_notify_status(&m.n, "%s", word);
	assert_int_equal(strlen(hear(&m)), strlen("STATUS=") + 498);
	close_manager(&m);
}

static void nobody_listens(void **state)
{
	struct vr_notify n;
	(void)state;
	static const char *const useless[] = {"", "relative", "/", "/there/is/no/such/socket"};
	unsetenv("NOTIFY_SOCKET");
	for (size_t i = 0; i <= sizeof(useless) / sizeof(useless[0]); i++) {
		vr_notify_init(&n);
		vr_notify_ready(&n);
		vr_notify_status(&n, "%s", "x");
		vr_notify_done(&n);
		if (i < sizeof(useless) / sizeof(useless[0]))
			setenv("NOTIFY_SOCKET", useless[i], 1);
	}
	char longer[200];
	memset(longer, '/', sizeof(longer));
	longer[199] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	vr_notify_init(&n);
	assert_int_equal(n.fd, -1);
	vr_notify_done(&n);
	vr_notify_done(NULL);
	unsetenv("NOTIFY_SOCKET");
}

static int64_t interval(const char *usec, const char *pid)
{
	struct manager m;
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	else
		unsetenv("WATCHDOG_USEC");
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	else
		unsetenv("WATCHDOG_PID");
	open_manager(&m, true);
	int64_t ms = vr_notify_interval(&m.n).ms;
	close_manager(&m);
	return ms;
}

static void the_watchdog_is_asked_for(void **state)
{
	char me[20];
	(void)state;
	snprintf(me, sizeof(me), "%d", (int)getpid());
	assert_int_equal(interval("30000000", NULL), 15000);
	assert_int_equal(interval("30000000", me), 15000);
	assert_int_equal(interval("30000000", "1"), 0);
	assert_int_equal(interval("30000000", "x"), 0);
	assert_int_equal(interval(NULL, me), 0);
	assert_int_equal(interval("0", NULL), 0);
	assert_int_equal(interval("3s", NULL), 0);
	assert_int_equal(interval("-5", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_with_a_path),
		cmocka_unit_test(an_abstract_socket),
		cmocka_unit_test(a_status_is_one_short_line),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(the_watchdog_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
