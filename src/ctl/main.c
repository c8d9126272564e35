/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <zlib.h>
#include "ctl.h"
#include "virality/kafka.h"
#include "virality/redis.h"
#include "virality/str.h"

static const struct vr_ctl_command *const commands[] = {
	&vr_ctl_get_command,
	&vr_ctl_alerts_command,
	&vr_ctl_diff_command,
	&vr_ctl_audit_command,
	&vr_ctl_partitions_command,
	&vr_ctl_accept_command,
	&vr_ctl_rules_command,
	&vr_ctl_import_command,
	&vr_ctl_simulate_command,
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
	fputs("Usage: viralctl COMMAND [OPTION]...\n\nLook at what virald counts, feed it, and help it over its "
		  "stops.\n\n",
		out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
	fputs("\n  viralctl COMMAND --help tells more; --version names the libraries in use.\n"
	      "Exit codes: 0 ok, 1 no, 64 wrong usage, 65 bad data, 66 no such file, 69 Kafka or Redis away,\n"
	      "74 output lost, 78 configuration.\n", out);
}

static void print_version(void)
{
	printf("viralctl %s\nlibrdkafka %s\nhiredis %s\njansson %s\nzlib %s\n", VR_VERSION, vr_kafka_version(),
		vr_redis_version(), JANSSON_VERSION, zlibVersion());
}

static enum vr_ctl_exit unknown(const char *word)
{
	const char *names[COMMANDS], *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	near = vr_str_nearest(vr_str_c(word), names, COMMANDS);
	return near ? vr_ctl_misuse(NULL, "there is no command \"%s\"; did you mean %s?", word, near)
		    : vr_ctl_misuse(NULL, "there is no command \"%s\"", word);
}

static enum vr_ctl_exit run(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	return unknown(argv[1]);
}

int main(int argc, char **argv)
{
	/* For the width of characters only: numbers and times stay as they are everywhere. */
	if (!setlocale(LC_CTYPE, "") || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return VR_CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return (int)vr_ctl_finish(VR_CTL_OK);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		print_version();
		return (int)vr_ctl_finish(VR_CTL_OK);
	}
	return (int)run(argc, argv);
}
