/* SPDX-License-Identifier: Apache-2.0 */
/* What an error reply means for the caller; one row each. */
#include "virality/redis.h"

struct row {
	struct vr_str begin;		/* a word, or several */
	enum vr_err err;
};

static const struct row rows[] = {
	{VR_STR("OOM"), VR_E_OOM},
	{VR_STR("LOADING"), VR_E_BUSY},
	{VR_STR("BUSY"), VR_E_BUSY},
	{VR_STR("MISCONF"), VR_E_BUSY},
	{VR_STR("NOREPLICAS"), VR_E_BUSY},
	{VR_STR("TRYAGAIN"), VR_E_BUSY},
	{VR_STR("CLUSTERDOWN"), VR_E_BUSY},
	{VR_STR("MASTERDOWN"), VR_E_BUSY},
	{VR_STR("ERR max number of clients"), VR_E_BUSY},
	{VR_STR("READONLY"), VR_E_READONLY},
	{VR_STR("NOAUTH"), VR_E_AUTH},
	{VR_STR("WRONGPASS"), VR_E_AUTH},
	{VR_STR("NOPERM"), VR_E_AUTH},
	{VR_STR("DENIED"), VR_E_AUTH},
	{VR_STR("MOVED"), VR_E_UNSUPPORTED},
	{VR_STR("ASK"), VR_E_UNSUPPORTED},
	{VR_STR("CROSSSLOT"), VR_E_UNSUPPORTED},
	{VR_STR("ERR unknown command"), VR_E_UNSUPPORTED},
	{VR_STR("ERR unknown subcommand"), VR_E_UNSUPPORTED},
};

/* The row's words, and then no more of the last word: BUSYGROUP is not BUSY. */
static bool begins(struct vr_str s, struct vr_str words)
{
	if (s.n < words.n || memcmp(s.p, words.p, words.n) != 0)
		return false;
	return s.n == words.n || strchr(" ,", s.p[words.n]) != NULL;
}

/* An EXEC that is itself refused quotes the reason. */
static struct vr_str without_abort(struct vr_str s)
{
	static const struct vr_str quote = VR_STR("EXECABORT Transaction discarded because of: ");

	if (s.n < quote.n || memcmp(s.p, quote.p, quote.n) != 0)
		return s;
	return (struct vr_str){s.p + quote.n, s.n - quote.n};
}

enum vr_err vr_reply_error_class(const struct vr_reply *r)
{
	struct vr_str text;

	if (r->type != VR_REPLY_ERROR)
		return VR_OK;
	text = without_abort(r->str);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (begins(text, rows[i].begin))
			return rows[i].err;
	return VR_E_REPLY;
}

static const struct vr_reply *first_of(const struct vr_reply *at, size_t n)
{
	const struct vr_reply *found = NULL;

	for (size_t i = 0; i < n && !found; i++)
		found = vr_reply_first_error(&at[i]);
	return found;
}

const struct vr_reply *vr_reply_first_error(const struct vr_reply *r)
{
	if (r->type == VR_REPLY_ERROR)
		return r;
	return r->type == VR_REPLY_ARRAY ? first_of(r->elem, r->n) : NULL;
}

const struct vr_reply *vr_replies_first_error(const struct vr_replies *r)
{
	return first_of(r->at, r->n);
}

enum vr_err vr_replies_check(const struct vr_replies *r, struct vr_diag *d)
{
	const struct vr_reply *bad = vr_replies_first_error(r);

	return bad ? vr_diag_set(d, vr_reply_error_class(bad), "redis", "%s", bad->str.p) : VR_OK;
}
