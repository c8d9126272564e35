/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include "say.h"
#include "virality/config.h"

void vr_config_say(struct vr_rule_errors *errors, struct vr_pos pos, const char *format, ...)
{
	va_list args;
	size_t i = errors->n++;

	if (i >= errors->cap)
		return;
	errors->at[i].pos = pos;
	va_start(args, format);
	(void)vsnprintf(errors->at[i].text, sizeof(errors->at[i].text), format, args);
	va_end(args);
}

static void print_place(struct vr_pos pos, FILE *out)
{
	if (pos.file.n > 0)
		(void)fprintf(out, "%.*s:", (int)pos.file.n, pos.file.p);
	if (pos.line > 0)
		(void)fprintf(out, "%u:", pos.line);
	if (pos.line > 0 && pos.column > 0)
		(void)fprintf(out, "%u:", pos.column);
}

void vr_config_print_errors(const struct vr_rule_errors *errors, FILE *out)
{
	for (size_t i = 0; i < errors->n && i < errors->cap; i++) {
		print_place(errors->at[i].pos, out);
		(void)fprintf(out, " %s\n", errors->at[i].text);
	}
	if (errors->n > errors->cap)
		(void)fprintf(out, "... and %zu more\n", errors->n - errors->cap);
}
