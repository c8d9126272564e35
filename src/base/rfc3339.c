/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/rfc3339.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_TO_1970 719468		/* from 0000-03-01 */
#define WALL_MIN_MS INT64_C(-62135596800000)

struct date {
	int year, month, day;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the
 * leap day is the last of its year. */
static int64_t days_of(struct date d)
{
	int64_t y = d.year - (d.month <= 2);
	int64_t era = y / 400, year_of_era = y % 400;
	int64_t day_of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
		   DAYS_TO_1970;
}

static struct date date_of(int64_t days)
{
	int64_t z = days + DAYS_TO_1970;
	int64_t era = z / 146097, day_of_era = z % 146097;
	int64_t y = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * day_of_year + 2) / 153;
	struct date d = {
		.day = (int)(day_of_year - (153 * m + 2) / 5 + 1), .month = (int)(m < 10 ? m + 3 : m - 9)};

	d.year = (int)(y + era * 400 + (d.month <= 2));
	return d;
}

static int month_days(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool take(struct vr_rd *r, const char *any)
{
	if (r->failed || r->p == r->end || !strchr(any, *r->p) || *r->p == '\0')
		return false;
	r->p++;
	return true;
}

static void expect(struct vr_rd *r, const char *any)
{
	if (!take(r, any))
		r->failed = true;
}

/* Exactly n digits, within min..max. */
static int number(struct vr_rd *r, int n, int min, int max)
{
	int v = 0;

	for (int i = 0; i < n && !r->failed; i++) {
		uint8_t c = vr_rd_byte(r);
		if (c < '0' || c > '9')
			r->failed = true;
		v = v * 10 + (c - '0');
	}
	if (v < min || v > max)
		r->failed = true;
	return r->failed ? min : v;
}

static int64_t date_ms(struct vr_rd *r)
{
	struct date d;

	d.year = number(r, 4, 1, 9999);
	expect(r, "-");
	d.month = number(r, 2, 1, 12);
	expect(r, "-");
	d.day = number(r, 2, 1, month_days(d.year, d.month));
	return days_of(d) * DAY_MS;
}

static int64_t fraction_ms(struct vr_rd *r)
{
	int64_t ms = number(r, 1, 0, 9) * 100;

	for (int64_t unit = 10; !r->failed && r->p < r->end && *r->p >= '0' && *r->p <= '9'; unit /= 10)
		ms += (*r->p++ - '0') * unit;
	return ms;
}

static int64_t clock_ms(struct vr_rd *r)
{
	int64_t hour, minute, second, ms = 0;

	hour = number(r, 2, 0, 23);
	expect(r, ":");
	minute = number(r, 2, 0, 59);
	expect(r, ":");
	second = number(r, 2, 0, 60);
	if (take(r, "."))
		ms = fraction_ms(r);
	return ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

static int64_t offset_ms(struct vr_rd *r)
{
	int64_t sign, minutes;

	if (take(r, "Zz"))
		return 0;
	sign = take(r, "-") ? -1 : 1;
	if (sign > 0)
		expect(r, "+");
	minutes = number(r, 2, 0, 23) * 60;
	expect(r, ":");
	minutes += number(r, 2, 0, 59);
	return sign * minutes * 60000;
}

enum vr_err vr_rfc3339_parse(struct vr_str s, struct vr_wall *ret)
{
	struct vr_rd r = vr_rd_of(s);
	int64_t ms = date_ms(&r);

	expect(&r, "Tt ");
	ms += clock_ms(&r);
	ms -= offset_ms(&r);
	if (r.failed || r.p != r.end)
		return VR_E_DECODE;
	ret->ms = ms;
	return VR_OK;
}

static void add_digits(struct vr_buf *b, int64_t v, size_t n, char after)
{
	char digits[8];

	for (size_t i = n; i-- > 0; v /= 10)
		digits[i] = (char)('0' + v % 10);
	digits[n] = after;
	vr_buf_add(b, digits, n + 1);
}

void vr_rfc3339_add(struct vr_buf *b, struct vr_wall t)
{
	int64_t days, ms;
	struct date d;

	VR_ASSERT(t.ms >= WALL_MIN_MS && t.ms <= VR_WALL_MAX_MS);
	days = t.ms / DAY_MS - (t.ms % DAY_MS < 0);
	ms = t.ms - days * DAY_MS;
	d = date_of(days);
	add_digits(b, d.year, 4, '-');
	add_digits(b, d.month, 2, '-');
	add_digits(b, d.day, 2, 'T');
	add_digits(b, ms / 3600000, 2, ':');
	add_digits(b, ms / 60000 % 60, 2, ':');
	add_digits(b, ms / 1000 % 60, 2, '.');
	add_digits(b, ms % 1000, 3, 'Z');
}
