/* SPDX-License-Identifier: Apache-2.0 */
#include "rulebook.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "virality/rulefile.h"
#include "virality/talk.h"

enum { ERRORS_MAX = 4 };

struct page { char hash[17]; struct vr_rules *rules; };

struct vr_rulebook {
	const struct vr_keys *keys;
	const struct vr_windows *windows;
	struct vr_mem mem;
	pthread_rwlock_t lock;
	struct page *page;
	uint32_t n;
	size_t cap;
};

enum vr_err vr_rulebook_new(const struct vr_keys *keys, const struct vr_windows *windows, struct vr_rulebook **ret)
{
	struct vr_rulebook *b = calloc(1, sizeof(*b));
	if (!b)
		return VR_E_NOMEM;
	b->keys = keys;
	b->windows = windows;
	b->mem = vr_mem_heap();
	pthread_rwlock_init(&b->lock, NULL);
	*ret = b;
	return VR_OK;
}

void vr_rulebook_free(struct vr_rulebook *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->n; i++)
		vr_rules_free(b->page[i].rules);
	free(b->page);
	pthread_rwlock_destroy(&b->lock);
	free(b);
}

const struct vr_rules *vr_rulebook_get(const struct vr_rulebook *book, uint32_t no, uint32_t *ret_no)
{
	struct vr_rulebook *b = (struct vr_rulebook *)(uintptr_t)book;	/* the lock alone is written */
	pthread_rwlock_rdlock(&b->lock);
	if (no == 0)
		no = b->n;
	const struct vr_rules *rules = no > 0 && no <= b->n ? b->page[no - 1].rules : NULL;
	pthread_rwlock_unlock(&b->lock);
	if (rules)
		*ret_no = no;
	return rules;
}

struct vr_str vr_rulebook_last_hash(const struct vr_rulebook *b)
{
	return b->n ? vr_str_c(b->page[b->n - 1].hash) : VR_STR("");
}

/* ------------------------------------------------ one entry ---------------------------- */

static enum vr_err compile(struct vr_rulebook *b, struct vr_str text, struct vr_rules **ret, struct vr_diag *d)
{
	struct vr_rule_error error[ERRORS_MAX];
	struct vr_rule_errors errors = {.at = error, .cap = ERRORS_MAX};
	struct vr_rulefile *file;
	size_t n;
	enum vr_err err = vr_rulefile_parse(text, VR_STR("vir:rules"), &file, &errors);
	if (!err) {
		const struct vr_rule_spec *specs = vr_rulefile_specs(file, &n);
		err = vr_rules_compile(specs, n, b->windows, &b->mem, ret, &errors);
		vr_rulefile_free(file);
	}
	return err ? vr_diag_set(d, err, "vir:rules", "%s", errors.n ? error[0].text : vr_err_text(err)) : VR_OK;
}

static enum vr_err add_page(struct vr_rulebook *b, const char *hash, struct vr_rules *rules)
{
	pthread_rwlock_wrlock(&b->lock);
	struct page *p = vr_mem_grow(b->page, b->n, &b->cap, sizeof(*p));
	if (p) {
		b->page = p;
		p = &b->page[b->n++];
		vr_str_copy(p->hash, sizeof(p->hash), vr_str_c(hash));
		p->rules = rules;
	}
	pthread_rwlock_unlock(&b->lock);
	return p ? VR_OK : VR_E_NOMEM;
}

enum vr_err vr_rulebook_give(struct vr_rulebook *b, struct vr_str hash, struct vr_str text, struct vr_diag *d)
{
	struct vr_rules *rules;
	enum vr_err err = compile(b, text, &rules, d);
	if (err)
		return err;
	err = add_page(b, hash.p, rules);
	if (err)
		vr_rules_free(rules);
	return err;
}

static enum vr_err read_entry(struct vr_rulebook *b, struct vr_str entry, struct vr_diag *d)
{
	json_t *json = json_loadb(entry.p, entry.n, 0, NULL);
	const char *hash = json_string_value(json_object_get(json, "hash"));
	const char *text = json_string_value(json_object_get(json, "text"));
	enum vr_err err = hash && text ? vr_rulebook_give(b, vr_str_c(hash), vr_str_c(text), d)
				       : vr_diag_set(d, VR_E_CORRUPT, "vir:rules", "an entry is not {number, hash, text}");
	json_decref(json);
	return err;
}

/* ------------------------------------------------ the list ----------------------------- */

enum vr_err vr_rulebook_refresh(struct vr_rulebook *b, const struct vr_link *redis, struct vr_diag *d)
{
	struct vr_talk t;
	vr_talk_open(&t, redis, &b->mem);
	vr_cmd_select(&t.cmds, b->keys->alerts_db);
	vr_cmd(&t.cmds, 4, "LRANGE");
	vr_key_global(&t.cmds, b->keys, "rules");
	vr_cmd_i64(&t.cmds, b->n);
	vr_cmd_i64(&t.cmds, -1);
	vr_cmd_select(&t.cmds, b->keys->live_db);
	enum vr_err err = vr_talk_ask(&t, d);
	for (size_t i = 0; !err && i < t.r.at[1].n; i++)
		err = read_entry(b, t.r.at[1].elem[i].str, d);
	vr_talk_close(&t);
	return err;
}

static uint32_t find_hash(const struct vr_rulebook *b, struct vr_str hash)
{
	for (uint32_t i = b->n; i > 0; i--)
		if (vr_str_eq(vr_str_c(b->page[i - 1].hash), hash))
			return i;
	return 0;
}

/* An entry as text (free it); NULL: no memory. */
static char *write_entry(int64_t number, struct vr_str hash, struct vr_str text)
{
	json_t *json = json_pack("{s:I, s:s%, s:s%}", "number", (json_int_t)number, "hash", hash.p, hash.n, "text", text.p, text.n);
	char *entry = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return entry;
}

static void ask_entry(struct vr_cmds *c, const struct vr_keys *keys, int64_t at)
{
	vr_cmd(c, 4, "LRANGE");
	vr_key_global(c, keys, "rules");
	vr_cmd_i64(c, at);
	vr_cmd_i64(c, at);
}

/* replies: length, last entry, entry number no. */
static enum vr_err place(const struct vr_reply *r, uint32_t no, struct vr_str hash, struct vr_str text, struct vr_rulebook_place *ret,
	struct vr_diag *d)
{
	struct vr_rulebook_place p = {.n = r[0].integer};
	json_t *last = r[1].n ? json_loadb(r[1].elem[0].str.p, r[1].elem[0].str.n, 0, NULL) : NULL;
	json_t *named = no && r[2].n ? json_loadb(r[2].elem[0].str.p, r[2].elem[0].str.n, 0, NULL) : NULL;
	const char *last_hash = json_string_value(json_object_get(last, "hash"));
	enum vr_err err = VR_OK;
	if (named) {
		hash = vr_str_c(json_string_value(json_object_get(named, "hash")));
		text = vr_str_c(json_string_value(json_object_get(named, "text")));
	}
	if (hash.n == 0 || text.n == 0)
		err = vr_diag_set(d, VR_E_STATE_LOST, "vir:rules", "the rules that judged the shadow (set %u) are not there", no);
	bool is_last = !err && last_hash && vr_str_eq(vr_str_c(last_hash), hash);
	p.no = (uint32_t)(is_last ? p.n : p.n + 1);
	if (!err && !is_last && !(p.entry = write_entry(p.n + 1, hash, text)))
		err = VR_E_NOMEM;
	json_decref(last);
	json_decref(named);
	if (!err)
		*ret = p;
	return err;
}

enum vr_err vr_rulebook_place(const struct vr_link *redis, const struct vr_keys *keys, uint32_t no, struct vr_str hash, struct vr_str text,
	struct vr_rulebook_place *ret, struct vr_diag *d)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_talk t;
	vr_talk_open(&t, redis, &mem);
	vr_cmd_select(&t.cmds, keys->alerts_db);
	vr_cmd(&t.cmds, 2, "LLEN");
	vr_key_global(&t.cmds, keys, "rules");
	ask_entry(&t.cmds, keys, -1);
	ask_entry(&t.cmds, keys, no ? (int64_t)no - 1 : -1);
	vr_cmd_select(&t.cmds, keys->live_db);
	enum vr_err err = vr_talk_ask(&t, d);
	if (!err)
		err = place(t.r.at + 1, no, hash, text, ret, d);
	vr_talk_close(&t);
	return err;
}

static enum vr_err push(struct vr_rulebook *b, const struct vr_link *redis, struct vr_str hash, struct vr_str text, bool *ret_raced,
	struct vr_diag *d)
{
	struct vr_talk t;
	char *entry = write_entry(b->n + 1, hash, text);
	vr_talk_open(&t, redis, &b->mem);
	/* Two daemons that append at once: WATCH lets one of them see the other's entry first. */
	vr_cmd_select(&t.cmds, b->keys->alerts_db);
	vr_cmd(&t.cmds, 2, "WATCH");
	vr_key_global(&t.cmds, b->keys, "rules");
	vr_cmd(&t.cmds, 2, "LLEN");
	vr_key_global(&t.cmds, b->keys, "rules");
	enum vr_err err = entry ? vr_talk_ask(&t, d) : VR_E_NOMEM;
	*ret_raced = !err && t.r.at[2].integer != b->n;
	if (*ret_raced) {
		vr_cmd_words(&t.cmds, "UNWATCH", NULL);
	} else {
		vr_cmd_words(&t.cmds, "MULTI", NULL);
		vr_cmd(&t.cmds, 3, "RPUSH");
		vr_key_global(&t.cmds, b->keys, "rules");
		vr_cmd_c(&t.cmds, entry ? entry : "");
		vr_cmd_words(&t.cmds, "EXEC", NULL);
	}
	vr_cmd_select(&t.cmds, b->keys->live_db);
	if (!err)
		err = vr_talk_ask(&t, d);
	if (!err && !*ret_raced)
		*ret_raced = t.r.at[2].type == VR_REPLY_NIL;
	vr_talk_close(&t);
	free(entry);
	return err;
}

enum vr_err vr_rulebook_append(struct vr_rulebook *b, const struct vr_link *redis, struct vr_str hash, struct vr_str text, bool anew,
	uint32_t *ret_no, struct vr_diag *d)
{
	for (;;) {
		bool raced = false;
		enum vr_err err = vr_rulebook_refresh(b, redis, d);
		uint32_t there = err ? 0 : find_hash(b, hash);
		if (err)
			return err;
		if (there && (!anew || there == b->n)) {
			*ret_no = there == b->n ? there : 0;
			return VR_OK;
		}
		err = push(b, redis, hash, text, &raced, d);
		if (err)
			return err;
		if (raced)
			continue;
		err = vr_rulebook_refresh(b, redis, d);
		if (!err)
			*ret_no = b->n;
		return err;
	}
}
