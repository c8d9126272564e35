/* SPDX-License-Identifier: Apache-2.0 */
#include "exit.h"

#include <sysexits.h>

int vr_exit_of(enum vr_err err)
{
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_OK: return EX_OK;
	case VR_VERDICT_RETRY: return EX_UNAVAILABLE;
	case VR_VERDICT_CONFIG:
	case VR_VERDICT_STOP: return EX_CONFIG;
	default: return EX_SOFTWARE;
	}
}
