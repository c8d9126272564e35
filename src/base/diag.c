/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from err.c, so that whoever only names errors does not link stdio. */
#include <stdarg.h>
#include <stdio.h>
#include "virality/err.h"

enum vr_err vr_diag_set(struct vr_diag *d, enum vr_err err, const char *where, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	(void)snprintf(d->where, sizeof(d->where), "%s", where ? where : "");
	va_start(ap, fmt);
	(void)vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return err;
}
