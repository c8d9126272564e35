/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in each format, their rate, the way to the journal, and the catalog. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"
#include "service/log_line.h"
#include "virality/log.h"

#define TS "ts=2026-01-31T09:30:00.250Z"

/* A logger whose lines go into a pipe, on a clock of our own. */
struct bench {
	struct vr_logger *l;
	int read_fd, write_fd;
	int64_t mono_ms;
	int journal;		/* the journal's end of its socket, or -1 */
	char path[100];
	char text[100000];
};

static struct vr_wall wall(void *ctx) { (void)ctx; return (struct vr_wall){INT64_C(1769851800250)}; }
static struct vr_mono mono(void *ctx) { return (struct vr_mono){((struct bench *)ctx)->mono_ms}; }

static void open_bench(struct bench *b, enum vr_log_format format, enum vr_level level)
{
	int fd[2];
	*b = (struct bench){.journal = -1};
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	b->read_fd = fd[0];
	b->write_fd = fd[1];
	snprintf(b->path, sizeof(b->path), "/tmp/vr-test-journal-%d", (int)getpid());
	unlink(b->path);
	struct vr_logger_config c = {.level = level,
		.format = format,
		.name = "virald",
		.fd = fd[1],
		.journal = b->path,
		.wall = wall,
		.mono = mono,
		.ctx = b};
	assert_int_equal(vr_logger_new(&c, &b->l), VR_OK);
}

static void listen_as_journal(struct bench *b)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	memcpy(a.sun_path, b->path, strlen(b->path));
	b->journal = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(b->journal, (struct sockaddr *)&a, sizeof(a)), 0);
}

static void close_bench(struct bench *b)
{
	vr_logger_free(b->l);
	close(b->read_fd);
	close(b->write_fd);
	if (b->journal >= 0)
		close(b->journal);
	unlink(b->path);
}

static const char *written(struct bench *b)
{
	ssize_t n = read(b->read_fd, b->text, sizeof(b->text) - 1);
	b->text[n > 0 ? n : 0] = '\0';
	return b->text;
}

static const char *in_journal(struct bench *b)
{
	ssize_t n = recv(b->journal, b->text, sizeof(b->text) - 1, MSG_DONTWAIT);
	b->text[n > 0 ? n : 0] = '\0';
	return b->text;
}

static const struct vr_log_about everything = {.topic = {"shares", 6},
	.partition = 3,
	.has_offset = true,
	.offset = 41,
	.content = {"a \"b\"", 5},
	.err = VR_E_GAP};

/* ------------------------------------------------ formats ----------------------------- */

static void logfmt_has_fields_that_are_known(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	vr_log(b.l, VR_EV_GAP, &everything, "%d records are gone", 7);
	assert_string_equal(written(&b),
		TS " level=error event=gap topic=shares partition=3 offset=41 content=\"a \\\"b\\\"\" err=gap "
		   "msg=\"7 records are gone\"\n");
	vr_log(b.l, VR_EV_READY, NULL, "12");
	assert_string_equal(written(&b), TS " level=info event=ready msg=12\n");
	vr_log(b.l, VR_EV_READY, &(struct vr_log_about){.err = VR_E_BUSY}, "%s", "");
	assert_string_equal(written(&b), TS " level=info event=ready err=busy msg=\"\"\n");
	close_bench(&b);
}

static void json_is_one_object_a_line(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, VR_FORMAT_JSON, VR_LEVEL_INFO);
	vr_log_at(b.l, VR_LEVEL_WARN, VR_EV_GAP, &everything, "say \"%s\"", "x");
	assert_string_equal(written(&b),
		"{\"ts\":\"2026-01-31T09:30:00.250Z\",\"level\":\"warn\",\"event\":\"gap\",\"topic\":\"shares\","
		"\"partition\":3,\"offset\":41,\"content\":\"a \\\"b\\\"\",\"err\":\"gap\",\"msg\":\"say "
		"\\\"x\\\"\"}\n");
	close_bench(&b);
}

static void the_journal_gets_native_fields(void **state)
{
	struct bench b;
	char want[600];
	(void)state;
	open_bench(&b, VR_FORMAT_JOURNAL, VR_LEVEL_INFO);
	listen_as_journal(&b);
	vr_log(b.l, VR_EV_GAP, &everything, "gone\nPRIORITY=0");
	snprintf(want, sizeof(want),
		"MESSAGE=gone\\x0aPRIORITY=0\nPRIORITY=3\nMESSAGE_ID=%s\nSYSLOG_IDENTIFIER=virald\nVIRALD_EVENT=gap\n"
		"VIRALD_TOPIC=shares\nVIRALD_PARTITION=3\nVIRALD_OFFSET=41\nVIRALD_CONTENT=a \"b\"\nVIRALD_ERR=gap\n",
		events[VR_EV_GAP].id);
	assert_string_equal(in_journal(&b), want);
	assert_string_equal(written(&b), "");
	close_bench(&b);
}

static void without_a_journal_lines_go_to_standard_error(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, VR_FORMAT_JOURNAL, VR_LEVEL_INFO);
	vr_log(b.l, VR_EV_READY, NULL, "here");
	assert_string_equal(written(&b), TS " level=info event=ready msg=here\n");
	listen_as_journal(&b);
	vr_log(b.l, VR_EV_READY, NULL, "there");
	assert_non_null(strstr(in_journal(&b), "MESSAGE=there\n"));
	assert_string_equal(written(&b), "");
	close_bench(&b);
}

static void standard_error_tells_whether_it_is_the_journal(void **state)
{
	struct bench b;
	struct stat st;
	char named[60];
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	listen_as_journal(&b);
	assert_int_equal(fstat(b.write_fd, &st), 0);
	struct vr_logger_config c = {.name = "virald", .fd = b.write_fd, .journal = b.path};
	for (int same = 0; same < 2; same++) {
		struct vr_logger *l;
		snprintf(named, sizeof(named), "%llu:%llu", (unsigned long long)st.st_dev,
			(unsigned long long)st.st_ino + !same);
		setenv("JOURNAL_STREAM", named, 1);
		assert_int_equal(vr_logger_new(&c, &l), VR_OK);
		vr_log(l, VR_EV_READY, NULL, "x");
		assert_int_equal(in_journal(&b)[0] != '\0', same);
		assert_int_equal(written(&b)[0] != '\0', !same);
		vr_logger_free(l);
	}
	unsetenv("JOURNAL_STREAM");
	close_bench(&b);
}

static void text_of_events_cannot_forge_a_line(void **state)
{
	static const struct { const char *raw, *shown;
	} cases[] = {{"a\nlevel=error", "\"a\\\\x0alevel=error\""}, {"\x1b[2J", "\"\\\\x1b[2J\""},
		{"\x7f", "\"\\\\x7f\""}, {"\xc2\x9b", "\"\\\\xc2\\\\x9b\""}, {"\xff\xfe", "\"\\\\xff\\\\xfe\""},
		{"\xc3\xa4\xf0\x9f\x90\x88", "\xc3\xa4\xf0\x9f\x90\x88"}, {"\xc3", "\"\\\\xc3\""},
		{"\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\""}};
	struct bench b;
	char want[200];
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vr_log_about about = {.topic = vr_str_c(cases[i].raw)};
		vr_log(b.l, VR_EV_PARTITION, &about, "%s", cases[i].raw);
		snprintf(want, sizeof(want), TS " level=info event=partition topic=%s partition=0 msg=%s\n",
			cases[i].shown, cases[i].shown);
		assert_string_equal(written(&b), want);
	}
	close_bench(&b);
}

static void a_long_message_is_cut(void **state)
{
	struct bench b;
	char text[5000];
	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	vr_log(b.l, VR_EV_READY, NULL, "%s", text);
	assert_in_range(strlen(written(&b)), 1900, 2100);
	close_bench(&b);
}

static void levels_below_the_least_are_not_written(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_WARN);
	vr_log(b.l, VR_EV_READY, NULL, "x");
	assert_string_equal(written(&b), "");
	vr_logger_level(b.l, VR_LEVEL_DEBUG);
	vr_log_at(b.l, VR_LEVEL_DEBUG, VR_EV_READY, NULL, "x");
	assert_string_equal(written(&b), TS " level=debug event=ready msg=x\n");
	close_bench(&b);
}

/* ------------------------------------------------ rate -------------------------------- */

static int say_many(struct bench *b, enum vr_event_id event, int n)
{
	int lines = 0;
	for (int i = 0; i < n; i++)
		vr_log(b->l, event, NULL, "x");
	for (const char *p = written(b); *p; p++)
		lines += *p == '\n';
	return lines;
}

static void what_is_too_much_is_counted_and_told(void **state)
{
	struct bench b;
	int rate = events[VR_EV_REFUSED].per_10s;
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	assert_int_equal(say_many(&b, VR_EV_REFUSED, rate + 100), rate);
	assert_int_equal(say_many(&b, VR_EV_READY, 1), 1);
	assert_int_equal(vr_log_suppressed(b.l), 100);
	b.mono_ms = 9999;
	assert_int_equal(say_many(&b, VR_EV_REFUSED, 1), 0);
	b.mono_ms = 10000;
	vr_log(b.l, VR_EV_REFUSED, NULL, "x");
	assert_string_equal(written(&b), TS " level=warn event=refused suppressed=101 msg=x\n");
	vr_log(b.l, VR_EV_REFUSED, NULL, "x");
	assert_string_equal(written(&b), TS " level=warn event=refused msg=x\n");
	close_bench(&b);
}

static void what_no_line_tells_of_the_tick_tells(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, VR_FORMAT_JSON, VR_LEVEL_INFO);
	say_many(&b, VR_EV_REFUSED, events[VR_EV_REFUSED].per_10s + 3);
	vr_log_tick(b.l);
	assert_string_equal(written(&b), "");
	b.mono_ms = 10000;
	vr_log_tick(b.l);
	assert_string_equal(written(&b),
		"{\"ts\":\"2026-01-31T09:30:00.250Z\",\"level\":\"warn\",\"event\":\"refused\",\"suppressed\":3,"
		"\"msg\":\"more of these were left out\"}\n");
	b.mono_ms = 20000;
	vr_log_tick(b.l);
	assert_string_equal(written(&b), "");
	close_bench(&b);
}

static void *say_two_hundred(void *arg)
{
	for (int i = 0; i < 200; i++)
		vr_log(arg, VR_EV_PARTITION, &everything, "0123456789");
	return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
	struct bench b;
	pthread_t t[4];
	int lines = 0;
	(void)state;
	open_bench(&b, VR_FORMAT_LOGFMT, VR_LEVEL_INFO);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, say_two_hundred, b.l), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	char *rest = (char *)(uintptr_t)written(&b);
	for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
		assert_memory_equal(line, TS, strlen(TS));
		assert_string_equal(line + strlen(line) - 14, "msg=0123456789");
	}
	assert_int_equal(lines, events[VR_EV_PARTITION].per_10s);
	assert_int_equal(vr_log_suppressed(b.l), 800 - lines);
	close_bench(&b);
}

/* ------------------------------------------------ the table --------------------------- */

static void every_event_has_an_id_and_a_text_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < _VR_EV_MAX; i++) {
		assert_int_equal(strlen(events[i].id), 32);
		assert_int_equal(strspn(events[i].id, "0123456789abcdef"), 32);
		assert_true(strlen(events[i].text) > 20 && strlen(events[i].subject) > 5);
		assert_true(events[i].per_10s > 0);
		assert_int_equal(vr_event_find(events[i].name, _VR_EV_MAX), i);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(events[i].id, events[k].id);
	}
	assert_int_equal(vr_event_find("no such event", VR_EV_KAFKA), VR_EV_KAFKA);
}

static void the_catalog_is_that_of_the_table(void **state)
{
	char *made = NULL, *stored = NULL;
	size_t n = 0, cap = 0;
	(void)state;
	FILE *out = open_memstream(&made, &n);
	vr_event_catalog(out);
	fclose(out);
	FILE *in = fopen(VR_SYSTEMD_DIR "/virald.catalog", "r");
	assert_non_null(in);
	assert_true(getdelim(&stored, &cap, '\0', in) > 0);
	fclose(in);
	if (strcmp(stored, made) != 0)
		print_error("systemd/virald.catalog differs from events.def: `virald catalog` prints the new one\n");
	assert_string_equal(stored, made);
	free(made);
	free(stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logfmt_has_fields_that_are_known),
		cmocka_unit_test(json_is_one_object_a_line),
		cmocka_unit_test(the_journal_gets_native_fields),
		cmocka_unit_test(without_a_journal_lines_go_to_standard_error),
		cmocka_unit_test(standard_error_tells_whether_it_is_the_journal),
		cmocka_unit_test(text_of_events_cannot_forge_a_line),
		cmocka_unit_test(a_long_message_is_cut),
		cmocka_unit_test(levels_below_the_least_are_not_written),
		cmocka_unit_test(what_is_too_much_is_counted_and_told),
		cmocka_unit_test(what_no_line_tells_of_the_tick_tells),
		cmocka_unit_test(lines_of_several_threads_do_not_mix),
		cmocka_unit_test(every_event_has_an_id_and_a_text_of_its_own),
		cmocka_unit_test(the_catalog_is_that_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
