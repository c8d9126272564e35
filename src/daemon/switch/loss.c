/* SPDX-License-Identifier: Apache-2.0 */
#include "loss.h"

#include "virality/engine.h"
#include "virality/talk.h"

enum { CHUNK = 500, HOUR_MS = 3600000 };

struct walk {
	const struct vr_switch *w;
	const struct vr_switch_part *part;
	struct vr_talk ids, page;	/* the index, kept while its contents are read; these */
	struct vr_loss loss;
};

static void ask_shares(struct walk *k, struct vr_str id)
{
	vr_cmd(&k->page.cmds, 3, "HGET");
	vr_key_content(&k->page.cmds, &k->w->keys, id, "");
	vr_cmd_c(&k->page.cmds, "shares_total");
}

static int64_t number(const struct vr_reply *r)
{
	int64_t v = 0;
	return vr_reply_i64(r, &v) ? v : 0;
}

/* Of the contents that would lose something: how many shares live shows, and the shadow. */
static enum vr_err count_shares(struct walk *k, const struct vr_str *id, size_t n, struct vr_diag *d)
{
	for (size_t i = 0; i < n; i++)
		ask_shares(k, id[i]);
	vr_cmd_select(&k->page.cmds, k->w->spare_db);
	for (size_t i = 0; i < n; i++)
		ask_shares(k, id[i]);
	vr_cmd_select(&k->page.cmds, k->w->live_db);
	enum vr_err err = vr_talk_ask(&k->page, d);
	for (size_t i = 0; i < n && !err; i++) {
		int64_t live = number(&k->page.r.at[i]), shadow = number(&k->page.r.at[n + 1 + i]);
		k->loss.shares += live > shadow ? (uint64_t)(live - shadow) : 0;
	}
	return err;
}

static enum vr_err count_chunk(struct walk *k, const struct vr_reply *id, size_t n, struct vr_diag *d)
{
	struct vr_str lost[CHUNK];
	size_t n_lost = 0;
	for (size_t i = 0; i < n; i++) {
		vr_cmd(&k->page.cmds, 2, "GET");
		vr_key_slot(&k->page.cmds, &k->part->keys, VR_SLOT_CONTENT, id[i].str);
	}
	enum vr_err err = vr_talk_ask(&k->page, d);
	for (size_t i = 0; i < n && !err; i++) {
		struct vr_brief b;
		if (k->page.r.at[i].type != VR_REPLY_STR)	/* forgotten meanwhile */
			continue;
		err = vr_content_brief(k->page.r.at[i].str, &b);
		if (err)
			err = vr_diag_set(d, err, "redis", "the state of content %.*s cannot be read", (int)id[i].str.n, id[i].str.p);
		else if (b.first_off < k->part->shadow.base_off)
			lost[n_lost++] = id[i].str;
	}
	if (err || n_lost == 0)
		return err;
	if (k->loss.contents == 0)
		vr_str_copy(k->loss.example, sizeof(k->loss.example), lost[0]);
	k->loss.contents += n_lost;
	return count_shares(k, lost, n_lost, d);
}

static enum vr_err count_part(struct walk *k, struct vr_span retention, struct vr_diag *d)
{
	int64_t log = k->part->live.log.ms;
	vr_cmd(&k->ids.cmds, 4, "ZRANGEBYSCORE");
	vr_key_own(&k->ids.cmds, &k->part->keys, "idx");
	vr_cmd_i64(&k->ids.cmds, log > 0 ? log / HOUR_MS - retention.ms / HOUR_MS : 0);
	vr_cmd_c(&k->ids.cmds, "+inf");
	enum vr_err err = vr_talk_ask(&k->ids, d);
	if (err)
		return err;
	const struct vr_reply *id = &k->ids.r.at[0];
	for (size_t from = 0; from < id->n && !err; from += CHUNK)
		err = count_chunk(k, id->elem + from, id->n - from < CHUNK ? id->n - from : CHUNK, d);
	return err;
}

enum vr_err vr_switch_loss(const struct vr_link *redis, const struct vr_switch *w, struct vr_span retention, struct vr_loss *ret,
	struct vr_diag *d)
{
	struct vr_mem mem = vr_mem_heap();
	struct walk k = {.w = w};
	enum vr_err err = VR_OK;
	vr_talk_open(&k.ids, redis, &mem);
	vr_talk_open(&k.page, redis, &mem);
	for (size_t i = 0; i < w->n && !err; i++) {
		k.part = &w->part[i];
		if (k.part->live.exists && k.part->shadow.exists && k.part->shadow.base_off > k.part->live.base_off)
			err = count_part(&k, retention, d);
	}
	vr_talk_close(&k.ids);
	vr_talk_close(&k.page);
	if (!err)
		*ret = k.loss;
	return err;
}
