/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "ctl.h"
#include "virality/term.h"

static const enum vr_ctl_exit exits[] = {
	[VR_VERDICT_OK] = VR_CTL_OK,
	[VR_VERDICT_RETRY] = VR_CTL_UNAVAILABLE,
	[VR_VERDICT_POISON] = VR_CTL_DATA,
	[VR_VERDICT_REWIND] = VR_CTL_UNAVAILABLE,
	[VR_VERDICT_STOP] = VR_CTL_FAILED,
	[VR_VERDICT_CONFIG] = VR_CTL_CONFIG,
	[VR_VERDICT_FATAL] = VR_CTL_SOFTWARE,
};

enum vr_ctl_exit vr_ctl_fail(enum vr_err err, const struct vr_diag *d)
{
	fputs("viralctl: ", stderr);
	if (d && d->where[0]) {
		vr_ctl_put_text(stderr, vr_str_c(d->where));
		fputs(": ", stderr);
	}
	vr_ctl_put_text(stderr, vr_str_c(d && d->text[0] ? d->text : vr_err_text(err)));
	fputc('\n', stderr);
	return exits[vr_err_verdict(err)];
}

static void say(const char *fmt, va_list ap)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	fputs("viralctl: ", stderr);
	vr_ctl_put_text(stderr, vr_str_c(text));
	fputc('\n', stderr);
}

enum vr_ctl_exit vr_ctl_misuse(const struct vr_ctl_command *command, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try `viralctl %s%s--help`.\n", command ? command->name : "", command ? " " : "");
	return VR_CTL_USAGE;
}

void vr_ctl_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

enum vr_ctl_exit vr_ctl_finish(enum vr_ctl_exit code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)	/* `viralctl ... | head` has seen enough */
		fprintf(stderr, "viralctl: standard output: %s\n", strerror(errno));
	return VR_CTL_IO;
}
