/* SPDX-License-Identifier: Apache-2.0 */
#include "backtest.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "show.h"
#include "clock.h"

struct job {
	const struct vr_backtest_options *o;
	struct vr_config *config;
	struct vr_property *properties;
	struct vr_kafka_config kafka;
	struct vr_mem mem;
	struct vr_trial trial[2];		/* new, old */
	size_t n;
	struct vr_history *history;
	struct vr_buf topics;
};

static int fail(enum vr_err err, const struct vr_diag *d)
{
	fprintf(stderr, "virald: %s%s%s\n", d->where, d->where[0] ? ": " : "", d->text[0] ? d->text : vr_err_text(err));
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_RETRY: return EX_UNAVAILABLE;
	case VR_VERDICT_CONFIG:
	case VR_VERDICT_STOP: return EX_CONFIG;
	default: return EX_SOFTWARE;
	}
}

/* ------------------------------------------------ before the first record ------------- */

static enum vr_err read_rules(struct job *j, const char *path, const char *label)
{
	struct vr_str file = vr_str_c(path);
	struct vr_str_list files = {&file, 1};
	struct vr_rules *rules;
	enum vr_err err = vr_settings_rules(&files, &j->config->windows, &j->mem, &rules);
	if (!err)
		vr_trial_init(&j->trial[j->n++], label, rules, &j->mem);
	return err;
}

static bool parse_points(const struct vr_backtest_options *o, struct vr_history_options *h)
{
	struct vr_diag d = {0};
	struct vr_wall now = vr_clock_wall();
	if (!vr_point_parse(vr_str_c(o->from ? o->from : "earliest"), false, now, &h->from, &d) &&
		!vr_point_parse(vr_str_c(o->to ? o->to : "live"), true, now, &h->to, &d))
		return true;
	fprintf(stderr, "virald: %s%s%s\nTry: virald --help\n", d.where, d.where[0] ? ": " : "", d.text);
	return false;
}

static void name_topics(struct job *j)
{
	for (size_t i = 0; i < j->kafka.n_topics; i++) {
		vr_buf_c(&j->topics, i ? ", " : "");
		vr_buf_str_add(&j->topics, j->kafka.topics[i]);
	}
	vr_buf_byte(&j->topics, '\0');
}

/* ------------------------------------------------ after the last ---------------------- */

/* What makes the answer another one than a live daemon's. */
static void warn(const struct job *j)
{
	const struct vr_history_facts *f = vr_history_facts(j->history);
	uint64_t miskeyed = j->trial[0].counts.miskeyed;
	if (f->lost || f->lost_at_most)
		fprintf(stderr, "virald: warning: %s%" PRIu64 " offsets of the span are gone (retention); counts begin behind them\n",
			f->lost_at_most ? "at most " : "", f->lost + f->lost_at_most);
	if (miskeyed)
		fprintf(stderr, "virald: warning: %" PRIu64 " records are of contents that another partition has too (are they keyed by "
			"content_id?); the first partition judges, a live daemon where it met them first\n", miskeyed);
}

static enum vr_err show(struct job *j)
{
	struct vr_comparison c = {0};
	const struct vr_windows *w = &j->config->windows;
	struct vr_span far = {w->width_ms[w->n - 1] * VR_BUCKETS};
	struct vr_showing s = {.topics = j->topics.p, .new_name = j->o->rules, .old_name = j->o->against,
		.facts = vr_history_facts(j->history), .now = &j->trial[0], .limit = (size_t)j->o->limit, .mem = &j->mem};
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < j->n; i++)
		vr_found_sort(&j->trial[i].found);
	if (j->n > 1) {
		err = vr_compare(&j->trial[1].found, &j->trial[0].found, far, &j->mem, &c);
		s.before = &j->trial[1];
		s.comparison = &c;
	}
	if (!err)
		err = j->o->json ? vr_show_json(&s) : vr_show_text(&s);
	vr_comparison_free(&c, &j->mem);
	return err;
}

static int flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	if (errno != EPIPE)
		perror("virald: standard output");
	return EX_IOERR;
}

/* ------------------------------------------------ all of it --------------------------- */

static int run(struct job *j, struct vr_history_options *h)
{
	struct vr_diag d = {0};
	enum vr_err err = vr_history_open(h, &j->mem, &j->history, &d);
	for (size_t i = 0; i < j->n; i++)
		j->trial[i].lines = j->o->json ? stdout : NULL;
	if (!err)
		err = vr_history_run(j->history, j->trial, j->n, &d);
	if (!err)
		err = show(j);
	if (err)
		return fail(err, &d);
	warn(j);
	return flush();
}

static int prepare(struct job *j, struct vr_history_options *h)
{
	struct vr_diag d = {0};
	if (vr_settings_load(j->o->settings, &j->config, NULL))
		return EX_CONFIG;
	/* Both, so that the mistakes of both are told. */
	enum vr_err err = read_rules(j, j->o->rules, "new");
	enum vr_err old = j->o->against ? read_rules(j, j->o->against, "old") : VR_OK;
	if (err || old)
		return EX_CONFIG;
	err = vr_settings_kafka(j->config, "virald-backtest", &j->properties, &j->kafka);
	if (!err)
		err = vr_kafka_config_try(&j->kafka, &d);
	if (err)
		return fail(err, &d);
	name_topics(j);
	h->config = j->config;
	h->kafka = &j->kafka;
	h->engine = vr_settings_shard(j->config).engine;
	return j->topics.failed ? fail(VR_E_NOMEM, &d) : EX_OK;
}

int vr_backtest(const struct vr_backtest_options *o)
{
	struct job j = {.o = o, .mem = vr_mem_heap()};
	struct vr_history_options h = {.silent = o->no_progress, .json = o->json};
	if (!setlocale(LC_CTYPE, "") || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (!parse_points(o, &h))
		return EX_USAGE;
	vr_buf_init(&j.topics, &j.mem);
	int code = prepare(&j, &h);
	if (!code)
		code = run(&j, &h);
	vr_history_close(j.history);
	for (size_t i = 0; i < j.n; i++)
		vr_trial_done(&j.trial[i]);
	vr_buf_done(&j.topics);
	free(j.properties);
	vr_config_free(j.config);
	return code;
}
