/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* options.h - options of a subcommand from tables: one row parses, checks and documents an option.
 *
 * A group is a table of rows and the struct that they fill. Values are borrowed from argv.
 * --help is understood everywhere.                                                        */
#include <stdint.h>
#include "ctl.h"

enum vr_ctl_type {
	VR_CTL_FLAG,			/* bool */
	VR_CTL_TEXT,			/* const char * */
	VR_CTL_WORDS,			/* struct vr_ctl_words: may be given many times */
	VR_CTL_WHOLE,			/* uint64_t */
	VR_CTL_REAL,			/* double */
	VR_CTL_SPAN,			/* struct vr_span: 90s, 5m, 1h, 2d */
	VR_CTL_SIGNED,			/* int64_t */
	VR_CTL_TIME,			/* struct vr_wall: RFC 3339 or milliseconds */
	VR_CTL_CHOICE,			/* int: place of the word in `choices` (words with | between) */
};

enum { VR_CTL_WORDS_MAX = 64 };
struct vr_ctl_words { const char *at[VR_CTL_WORDS_MAX]; size_t n; };

struct vr_ctl_option {
	const char *name;
	char letter;			/* 0: none */
	enum vr_ctl_type type;
	size_t at;			/* offset in the group's struct */
	const char *arg;		/* what help shows; NULL for flags. Of a CHOICE: its words */
	const char *help;
	double min, max;		/* of numbers; both 0: no bounds */
	size_t given_at;		/* offset of a bool that is set when the option is given; 0: none */
};
struct vr_ctl_group {
	const char *title;		/* over the group in --help */
	const struct vr_ctl_option *options;
	size_t n;
	void *base;
};
#define VR_CTL_GROUP(title, table, base) {title, table, sizeof(table) / sizeof((table)[0]), base}

/* What is left of the command line. */
struct vr_ctl_operands { char **at; int n; };

/** Parse argv (argv[0] is the subcommand). False: stop with *ret_code (help was given, or misuse told). */
VR_MUST bool vr_ctl_parse(const struct vr_ctl_command *command, const struct vr_ctl_group *groups, size_t n,
	int argc, char **argv, struct vr_ctl_operands *ret, enum vr_ctl_exit *ret_code);
