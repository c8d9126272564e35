/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ctl.h - what a subcommand of viralctl is, and how it ends.
 *
 * A subcommand is one file with one struct vr_ctl_command; main.c lists them. Results go to standard output,
 * everything said about them to standard error.
 * Exit codes are those of sysexits: a script can tell a mistyped option from a broker that is away.       */
#include <stdio.h>
#include "virality/err.h"
#include "virality/mem.h"

enum vr_ctl_exit {
	VR_CTL_OK = 0,
	VR_CTL_FAILED = 1,		/* it ran, and the answer is no */
	VR_CTL_USAGE = 64,
	VR_CTL_DATA = 65,		/* a file or record is not what it should be */
	VR_CTL_NO_INPUT = 66,		/* a file cannot be read */
	VR_CTL_UNAVAILABLE = 69,	/* Kafka or Redis cannot be reached */
	VR_CTL_SOFTWARE = 70,
	VR_CTL_IO = 74,			/* what was to be written could not be */
	VR_CTL_CONFIG = 78,
};

struct vr_ctl_command {
	const char *name;
	const char *operands;		/* as shown behind the name: "FILE..." */
	const char *summary;		/* one line */
	const char *details;		/* more, for --help; NULL: none */
	enum vr_ctl_exit (*run)(const struct vr_ctl_command *self, int argc, char **argv);
};

extern const struct vr_ctl_command vr_ctl_import_command, vr_ctl_simulate_command, vr_ctl_get_command,
	vr_ctl_alerts_command, vr_ctl_partitions_command, vr_ctl_accept_command, vr_ctl_rules_command, vr_ctl_diff_command, vr_ctl_audit_command;

/** All of them, in the order of the help; *ret_n how many. */
const struct vr_ctl_command *const *vr_ctl_commands(size_t *ret_n);

/** Say an error once, for people, with its place; gives the exit code that goes with it. d may be NULL. */
enum vr_ctl_exit vr_ctl_fail(enum vr_err err, const struct vr_diag *d);
/** `viralctl: text` and where help is found; gives VR_CTL_USAGE. */
enum vr_ctl_exit vr_ctl_misuse(const struct vr_ctl_command *command, const char *fmt, ...) VR_PRINTF(2, 3);
/** A note for people on standard error. */
void vr_ctl_note(const char *fmt, ...) VR_PRINTF(1, 2);
/** Flush standard output: an answer that was not written is no answer. Gives code, or VR_CTL_IO. */
enum vr_ctl_exit vr_ctl_finish(enum vr_ctl_exit code);
