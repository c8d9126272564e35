/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/point.h"

#include "units.h"
#include "virality/rfc3339.h"

static bool cut_prefix(struct vr_str *text, struct vr_str prefix)
{
	if (text->n < prefix.n || memcmp(text->p, prefix.p, prefix.n) != 0)
		return false;
	*text = (struct vr_str){text->p + prefix.n, text->n - prefix.n};
	return true;
}

static bool parse_word(struct vr_str text, bool end, struct vr_point *ret)
{
	*ret = (struct vr_point){.kind = end ? VR_POINT_LIVE : VR_POINT_EARLIEST};
	return vr_str_eq(text, end ? VR_STR("live") : VR_STR("earliest"));
}

static bool parse_offset(struct vr_str text, struct vr_point *ret)
{
	*ret = (struct vr_point){.kind = VR_POINT_OFFSET};
	return cut_prefix(&text, VR_STR("offset:")) && vr_int_parse(text, &ret->offset) && ret->offset >= 0;
}

static bool parse_time(struct vr_str text, struct vr_wall now, struct vr_point *ret)
{
	struct vr_span back;
	*ret = (struct vr_point){.kind = VR_POINT_TIME};
	if (cut_prefix(&text, VR_STR("-"))) {
		ret->time.ms = vr_span_parse(text, &back) ? now.ms - back.ms : -1;
		return ret->time.ms >= 0;
	}
	if (vr_int_parse(text, &ret->time.ms))
		return ret->time.ms >= 0 && ret->time.ms <= VR_WALL_MAX_MS;
	return vr_rfc3339_parse(text, &ret->time) == VR_OK && ret->time.ms >= 0;
}

enum vr_err vr_point_parse(struct vr_str text, bool end, struct vr_wall now, struct vr_point *ret, struct vr_diag *d)
{
	struct vr_point p;
	if (!parse_word(text, end, &p) && !parse_offset(text, &p) && !parse_time(text, now, &p))
		return vr_diag_set(d, VR_E_CONFIG, end ? "--to" : "--from", "found `%.*s`; expected %s, a time such as 2026-01-31T09:30:00Z, "
			"milliseconds since 1970, so long ago such as -2h, or offset:N", (int)text.n, text.p, end ? "live" : "earliest");
	*ret = p;
	return VR_OK;
}
