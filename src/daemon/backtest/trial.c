/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

void vr_trial_init(struct vr_trial *t, const char *label, struct vr_rules *rules, struct vr_mem *mem)
{
	*t = (struct vr_trial){.label = label, .rules = rules, .mem = mem};
	vr_found_init(&t->found, mem);
	vr_buf_init(&t->line, mem);
}

void vr_trial_done(struct vr_trial *t)
{
	vr_engine_free(t->engine);
	vr_found_done(&t->found);
	vr_buf_done(&t->line);
	vr_rules_free(t->rules);
}

enum vr_err vr_trial_begin(struct vr_trial *t, const struct vr_engine_config *config, uint32_t place, int64_t at_offset)
{
	struct vr_engine_config c = *config;
	/* Nobody sees views, and there is no store to load from what was dropped. */
	c.views_min_events = c.ts_min_events = UINT32_MAX;
	c.max_contents = 0;
	t->place = place;
	enum vr_err err = vr_engine_new(&c, t->mem, &t->engine);
	return err ? err : vr_engine_rules(t->engine, t->rules, 1, at_offset);
}

/* ------------------------------------------------ what comes out ----------------------- */

static void print_line(struct vr_trial *t, const struct vr_alert *a)
{
	vr_buf_clear(&t->line);
	vr_buf_c(&t->line, "{\"kind\":\"alert\",\"rules\":\"");
	vr_buf_c(&t->line, t->label);
	vr_buf_c(&t->line, "\",\"alert\":");
	vr_alert_json(a, false, &t->line);
	vr_buf_c(&t->line, "}\n");
	t->found.failed |= t->line.failed;
	if (!t->line.failed)
		(void)fwrite(t->line.p, 1, t->line.n, t->lines);
}

static void hear(void *ctx, const struct vr_alert *a)
{
	struct vr_trial *t = ctx;
	if (!vr_found_is_said(a))
		return;
	vr_found_take(&t->found, a);
	if (t->lines)
		print_line(t, a);
}

static void count(struct vr_trial_counts *c, const struct vr_outcome *o)
{
	c->fate[o->fate]++;
	c->late += o->late;
	c->clock_ahead += o->clock_ahead;
	c->unchecked += o->dedup_unchecked;
	c->miskeyed += o->miskeyed;
}

static void measure(struct vr_trial *t)
{
	struct vr_engine_facts f;
	vr_engine_facts(t->engine, &f);
	if (f.bytes > t->bytes) {
		t->bytes = f.bytes;
		t->contents = f.contents;
	}
}

/* ------------------------------------------------ what goes in ------------------------- */

static enum vr_err load_wanted(struct vr_trial *t, struct vr_homes *homes)
{
	size_t n = vr_engine_wanted(t->engine);
	for (size_t i = 0; i < n; i++) {
		struct vr_loaded l = {.home_known = true};
		bool more;
		enum vr_err err = vr_homes_claim(homes, vr_engine_wanted_id(t->engine, i), t->place, &l.is_home);
		if (!err)
			err = vr_engine_load(t->engine, i, &l, &more);
		if (err)
			return err;
	}
	vr_engine_loaded_all(t->engine);
	return VR_OK;
}

enum vr_err vr_trial_fold(struct vr_trial *t, struct vr_homes *homes, struct vr_record *records, size_t n)
{
	struct vr_outcome o;
	enum vr_err err = vr_engine_want_all(t->engine, records, n);
	if (!err)
		err = load_wanted(t, homes);
	for (size_t i = 0; i < n && !err; i++) {
		vr_engine_ahead(t->engine, records, n, i);
		err = vr_engine_fold(t->engine, &records[i], &o);
		if (!err)
			count(&t->counts, &o);
	}
	if (!err)
		err = vr_engine_tell(t->engine, hear, t);
	if (err)
		return err;
	vr_engine_committed(t->engine);
	(void)vr_engine_evict(t->engine);	/* contents without a record; nothing else, for there is no cap */
	measure(t);
	return t->found.failed ? VR_E_NOMEM : VR_OK;
}

void vr_trial_end(struct vr_trial *t)
{
	vr_engine_free(t->engine);
	t->engine = NULL;
}
