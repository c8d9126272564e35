/* SPDX-License-Identifier: Apache-2.0 */
#include <hiredis/hiredis.h>
#include "virality/redis.h"

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

const char *vr_redis_version(void)
{
	return TEXT_OF(HIREDIS_MAJOR) "." TEXT_OF(HIREDIS_MINOR) "." TEXT_OF(HIREDIS_PATCH);
}
