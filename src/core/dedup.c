/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>
#include "virality/windows.h"
#include "dedup.h"

enum { MINUTE_MS = 60000, ENTRY = 18, CAP_FIRST = 64, BYTES_FIRST = 16 * ENTRY, MINUTES_FIRST = 16 };
#define EMPTY INT64_MIN	/* as a slot's time */

struct slot { struct vr_hash128 h; int64_t t; };

struct minute {
	int64_t number;
	char *bytes;
	size_t n, cap;
	size_t stored;		/* bytes of n that are in the store */
	bool is_over;		/* forgotten here, still to be deleted there; without bytes */
};

struct vr_dedup {
	struct vr_mem *mem;		/* keeps */
	int64_t window_ms;
	int64_t forgotten;		/* minutes below are over */
	struct slot *slot;		/* linear probing; cap is 0 or a power of two, at most 3/4 full */
	size_t count, cap;
	struct minute *minute;		/* rising by number */
	size_t minutes, minutes_cap;
};

static int64_t minute_of(int64_t t_ms)
{
	return vr_bucket_of(t_ms, MINUTE_MS);
}

/* First time that is within the window. */
static int64_t edge(int64_t now_ms, int64_t window_ms)
{
	return now_ms < INT64_MIN + 1 + window_ms ? INT64_MIN + 1 : now_ms - window_ms;
}

enum vr_err vr_dedup_new(struct vr_mem *mem, struct vr_span window, struct vr_dedup **ret)
{
	struct vr_dedup *d = vr_mem_get(mem, sizeof(*d));

	if (!d)
		return VR_E_NOMEM;
	*d = (struct vr_dedup){.mem = mem, .window_ms = window.ms, .forgotten = INT64_MIN};
	*ret = d;
	return VR_OK;
}

void vr_dedup_free(struct vr_dedup *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->minutes; i++)
		vr_mem_put(d->mem, d->minute[i].bytes, d->minute[i].cap);
	vr_mem_put(d->mem, d->minute, d->minutes_cap * sizeof(*d->minute));
	vr_mem_put(d->mem, d->slot, d->cap * sizeof(*d->slot));
	vr_mem_put(d->mem, d, sizeof(*d));
}

/* ---- the table ---- */

static size_t home_of(const struct vr_dedup *d, struct vr_hash128 h)
{
	return (size_t)h.lo & (d->cap - 1);
}

/* The slot of h, or the empty one where it belongs. Needs a free slot. */
static struct slot *probe(const struct vr_dedup *d, struct vr_hash128 h)
{
	size_t i = home_of(d, h);

	while (d->slot[i].t != EMPTY && (d->slot[i].h.lo != h.lo || d->slot[i].h.hi != h.hi))
		i = (i + 1) & (d->cap - 1);
	return &d->slot[i];
}

static enum vr_err reserve_slots(struct vr_dedup *d, size_t more)
{
	struct vr_dedup to = *d;

	to.cap = to.cap ? to.cap : CAP_FIRST;
	while (to.cap - to.cap / 4 < d->count + more)
		to.cap *= 2;
	if (to.cap == d->cap)
		return VR_OK;
	to.slot = vr_mem_get(d->mem, to.cap * sizeof(*to.slot));
	if (!to.slot)
		return VR_E_NOMEM;
	for (size_t i = 0; i < to.cap; i++)
		to.slot[i].t = EMPTY;
	for (size_t i = 0; i < d->cap; i++)
		if (d->slot[i].t != EMPTY)
			*probe(&to, d->slot[i].h) = d->slot[i];
	vr_mem_put(d->mem, d->slot, d->cap * sizeof(*d->slot));
	*d = to;
	return VR_OK;
}

static void note(struct vr_dedup *d, struct vr_hash128 h, int64_t t)
{
	struct slot *s = probe(d, h);

	d->count += s->t == EMPTY;
	if (s->t < t)
		*s = (struct slot){h, t};
}

/* Empties slot i; whoever would no longer be found behind the hole moves into it. */
static void erase(struct vr_dedup *d, size_t i)
{
	size_t mask = d->cap - 1;

	for (size_t j = (i + 1) & mask; d->slot[j].t != EMPTY; j = (j + 1) & mask) {
		if (((j - home_of(d, d->slot[j].h)) & mask) < ((j - i) & mask))
			continue;
		d->slot[i] = d->slot[j];
		i = j;
	}
	d->slot[i].t = EMPTY;
	d->count--;
}

bool vr_dedup_has(const struct vr_dedup *d, struct vr_hash128 h, struct vr_wall now)
{
	const struct slot *s = d->count ? probe(d, h) : NULL;

	return s && s->t != EMPTY && s->t >= edge(now.ms, d->window_ms);
}

/* ---- the minutes ---- */

static void entry_write(char *entry, struct vr_hash128 h, uint16_t ms)
{
	uint64_t hash[2] = {htole64(h.lo), htole64(h.hi)};

	ms = htole16(ms);
	memcpy(entry, hash, sizeof(hash));
	memcpy(entry + sizeof(hash), &ms, sizeof(ms));
}

static struct vr_hash128 entry_hash(const char *entry)
{
	uint64_t hash[2];

	memcpy(hash, entry, sizeof(hash));
	return (struct vr_hash128){le64toh(hash[0]), le64toh(hash[1])};
}

/* Milliseconds within the minute. */
static uint16_t entry_ms(const char *entry)
{
	uint16_t ms;

	memcpy(&ms, entry + sizeof(struct vr_hash128), sizeof(ms));
	return le16toh(ms);
}

static int64_t entry_time(const char *entry, int64_t minute)
{
	return minute * MINUTE_MS + entry_ms(entry);
}

/* Place of the first minute that is not below number; mostly that is the last. */
static size_t seek(const struct vr_dedup *d, int64_t number)
{
	size_t i = d->minutes;

	while (i > 0 && d->minute[i - 1].number >= number)
		i--;
	return i;
}

/* Find or make. */
static struct minute *minute_at(struct vr_dedup *d, int64_t number)
{
	size_t i = seek(d, number), cap = d->minutes_cap ? d->minutes_cap * 2 : MINUTES_FIRST;
	struct minute *minute;

	if (i < d->minutes && d->minute[i].number == number)
		return &d->minute[i];
	if (d->minutes == d->minutes_cap) {
		minute = vr_mem_resize(d->mem, d->minute, d->minutes_cap * sizeof(*minute), cap * sizeof(*minute));
		if (!minute)
			return NULL;
		d->minute = minute;
		d->minutes_cap = cap;
	}
	memmove(&d->minute[i + 1], &d->minute[i], (d->minutes - i) * sizeof(*minute));
	d->minute[i] = (struct minute){.number = number};
	d->minutes++;
	return &d->minute[i];
}

static enum vr_err reserve_bytes(struct vr_dedup *d, struct minute *m, size_t n)
{
	size_t cap = m->cap ? m->cap : BYTES_FIRST;
	char *bytes;

	while (cap - m->n < n)
		cap *= 2;
	if (cap == m->cap)
		return VR_OK;
	bytes = vr_mem_resize(d->mem, m->bytes, m->cap, cap);
	if (!bytes)
		return VR_E_NOMEM;
	m->bytes = bytes;
	m->cap = cap;
	return VR_OK;
}

/* Room for n bytes in that minute and their entries in the table, or NULL. */
static struct minute *reserve(struct vr_dedup *d, int64_t number, size_t n)
{
	struct minute *m;

	if (reserve_slots(d, n / ENTRY) != VR_OK)
		return NULL;
	m = minute_at(d, number);
	return m && reserve_bytes(d, m, n) == VR_OK ? m : NULL;
}

enum vr_err vr_dedup_add(struct vr_dedup *d, struct vr_hash128 h, struct vr_wall t, struct vr_wall now)
{
	int64_t number = minute_of(t.ms), first = edge(now.ms, d->window_ms);
	struct minute *m;
	struct slot *s;

	if (t.ms < first || number < d->forgotten)
		return VR_OK;
	m = reserve(d, number, ENTRY);
	if (!m)
		return VR_E_NOMEM;
	s = probe(d, h);
	if (s->t >= first)
		return VR_OK;
	d->count += s->t == EMPTY;
	*s = (struct slot){h, t.ms};
	entry_write(m->bytes + m->n, h, (uint16_t)(t.ms - number * MINUTE_MS));
	m->n += ENTRY;
	return VR_OK;
}

/* Takes the minute's entries out of the table, but for those seen again later, and gives its bytes back. */
static void forget(struct vr_dedup *d, struct minute *m)
{
	for (size_t at = 0; at < m->n; at += ENTRY) {
		struct slot *s = probe(d, entry_hash(m->bytes + at));
		if (s->t == entry_time(m->bytes + at, m->number))
			erase(d, (size_t)(s - d->slot));
	}
	vr_mem_put(d->mem, m->bytes, m->cap);
	*m = (struct minute){.number = m->number, .stored = m->stored, .is_over = true};
}

/* Drops the minutes that are over and not, or no longer, in the store. */
static void sweep(struct vr_dedup *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->minutes; i++)
		if (!d->minute[i].is_over || d->minute[i].stored > 0)
			d->minute[kept++] = d->minute[i];
	d->minutes = kept;
}

void vr_dedup_advance(struct vr_dedup *d, struct vr_wall now)
{
	int64_t first = minute_of(edge(now.ms, d->window_ms));

	if (first <= d->forgotten)
		return;
	d->forgotten = first;
	for (size_t i = 0; i < d->minutes && d->minute[i].number < first; i++)
		if (!d->minute[i].is_over)
			forget(d, &d->minute[i]);
	sweep(d);
}

size_t vr_dedup_count(const struct vr_dedup *d)
{
	return d->count;
}

/* ---- the store ---- */

void vr_dedup_changes(const struct vr_dedup *d, vr_dedup_visit_f *visit, void *ctx)
{
	for (size_t i = 0; i < d->minutes; i++) {
		const struct minute *m = &d->minute[i];
		if (m->is_over)
			visit(ctx, m->number, (struct vr_str){NULL, 0}, VR_DEDUP_DELETE);
		else if (m->n > m->stored)
			visit(ctx, m->number, (struct vr_str){m->bytes + m->stored, m->n - m->stored},
				m->stored == 0 ? VR_DEDUP_SET : VR_DEDUP_APPEND);
	}
}

void vr_dedup_committed(struct vr_dedup *d)
{
	for (size_t i = 0; i < d->minutes; i++)
		d->minute[i].stored = d->minute[i].n;
	sweep(d);
}

static bool is_readable(int64_t minute, struct vr_str bytes)
{
	if (bytes.n % ENTRY != 0 || minute > INT64_MAX / MINUTE_MS - 1 || minute < INT64_MIN / MINUTE_MS + 1)
		return false;
	for (size_t at = 0; at < bytes.n; at += ENTRY)
		if (entry_ms(bytes.p + at) >= MINUTE_MS)
			return false;
	return true;
}

enum vr_err vr_dedup_load(struct vr_dedup *d, int64_t minute, struct vr_str bytes)
{
	struct minute *m;

	if (!is_readable(minute, bytes))
		return VR_E_CORRUPT;
	if (bytes.n == 0)
		return VR_OK;
	m = reserve(d, minute, bytes.n);
	if (!m)
		return VR_E_NOMEM;
	if (m->n > 0 || m->is_over)
		return VR_E_CORRUPT;
	memcpy(m->bytes, bytes.p, bytes.n);
	m->n = m->stored = bytes.n;
	for (size_t at = 0; at < bytes.n; at += ENTRY)
		note(d, entry_hash(bytes.p + at), entry_time(bytes.p + at, minute));
	return VR_OK;
}

void vr_dedup_range(struct vr_span window, struct vr_wall now, int64_t *ret_first, int64_t *ret_last)
{
	*ret_first = minute_of(edge(now.ms, window.ms));
	*ret_last = minute_of(now.ms);
}

/* ---- tests ---- */

static bool is_minute_good(const struct vr_dedup *d, const struct minute *m)
{
	if (m->is_over)
		return m->n == 0 && m->cap == 0 && m->stored > 0;
	for (size_t at = 0; at < m->n; at += ENTRY)
		if (probe(d, entry_hash(m->bytes + at))->t < entry_time(m->bytes + at, m->number))
			return false;
	return m->number >= d->forgotten && m->n % ENTRY == 0 && m->n <= m->cap && m->stored <= m->n;
}

bool vr_dedup_check(const struct vr_dedup *d)
{
	size_t count = 0;

	for (size_t i = 0; i < d->minutes; i++)
		if (!is_minute_good(d, &d->minute[i]) || (i > 0 && d->minute[i].number <= d->minute[i - 1].number))
			return false;
	for (size_t i = 0; i < d->cap; i++) {
		if (d->slot[i].t == EMPTY)
			continue;
		count++;
		if (probe(d, d->slot[i].h) != &d->slot[i])
			return false;
	}
	return count == d->count && count <= d->cap - d->cap / 4;
}
