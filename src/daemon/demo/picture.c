/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "virality/talk.h"

enum { ROWS = 10, ALERTS = 5, TITLE_MAX_LEN = 44, BAR = 24 };

struct vr_picture {
	struct vr_redis *redis;
	struct vr_mem mem;
	struct vr_talk talk, titles;	/* titles: of a board that `talk` holds */
	const char *socket, *http, *brokers;
	struct vr_report_sums before, last;
	int64_t began_ms, before_ms;
	uint64_t contents, lag;
	bool tty;
};

enum vr_err vr_picture_new(const struct vr_redis_config *redis, const char *socket, const char *http, const char *brokers,
	struct vr_picture **ret)
{
	struct vr_picture *p = calloc(1, sizeof(*p));
	if (!p)
		return VR_E_NOMEM;
	p->mem = vr_mem_heap();
	p->socket = socket;
	p->http = http;
	p->brokers = brokers;
	p->tty = isatty(STDOUT_FILENO) == 1;
	p->began_ms = p->before_ms = vr_clock_mono().ms;
	enum vr_err err = vr_redis_new(redis, &p->redis);
	if (err) {
		vr_picture_free(p);
		return err;
	}
	struct vr_link link = vr_redis_link(p->redis);
	vr_talk_open(&p->talk, &link, &p->mem);
	vr_talk_open(&p->titles, &link, &p->mem);
	*ret = p;
	return VR_OK;
}

void vr_picture_free(struct vr_picture *p)
{
	if (!p)
		return;
	vr_redis_free(p->redis);
	vr_talk_close(&p->talk);
	vr_talk_close(&p->titles);
	free(p);
}

/* A list, or NULL: what cannot be read now is read again in a second. */
static const struct vr_reply *ask(struct vr_talk *t, size_t at)
{
	enum vr_err err = vr_talk_send(t, NULL);
	return err || t->r.at[at].type != VR_REPLY_ARRAY ? NULL : &t->r.at[at];
}

/* Titles are whatever producers sent: no control bytes reach the terminal (the codec refuses them). */
static void draw_row(struct vr_picture *p, size_t rank, struct vr_str id, double score, double most)
{
	vr_cmd(&p->titles.cmds, 5, "HMGET");
	vr_cmd_key(&p->titles.cmds, VR_STR("vir:c:{"), id, VR_STR("}"));
	vr_cmd_c(&p->titles.cmds, "title");
	vr_cmd_c(&p->titles.cmds, "channel_top");
	vr_cmd_c(&p->titles.cmds, "mean_depth");
	const struct vr_reply *r = ask(&p->titles, 0);
	struct vr_str title = r && r->elem[0].type == VR_REPLY_STR ? vr_utf8_cut(r->elem[0].str, TITLE_MAX_LEN) : id;
	struct vr_str channel = r && r->elem[1].type == VR_REPLY_STR ? r->elem[1].str : VR_STR("-");
	int bar = most > 0 ? (int)(score / most * BAR + 0.5) : 0;
	printf("  %2zu  %-*.*s %-16.*s %7.0f  %.*s\n", rank, TITLE_MAX_LEN, (int)title.n, title.p, (int)channel.n, channel.p, score, bar,
		"########################");
}

static void draw_board(struct vr_picture *p)
{
	vr_cmd_words(&p->talk.cmds, "ZREVRANGE", "vir:top:5m", "0", "9", "WITHSCORES", NULL);
	const struct vr_reply *r = ask(&p->talk, 0);
	printf("\n  #   %-*s %-16s %7s  (redis-cli -s %s ZREVRANGE vir:top:5m 0 9 WITHSCORES)\n", TITLE_MAX_LEN,
		"shared most in the last 5 minutes", "mostly through", "shares", p->socket);
	for (size_t i = 0; r && i + 1 < r->n && i < 2 * ROWS; i += 2)
		draw_row(p, i / 2 + 1, r->elem[i].str, strtod(r->elem[i + 1].str.p, NULL), strtod(r->elem[1].str.p, NULL));
}

static void draw_alerts(struct vr_picture *p)
{
	vr_cmd_words(&p->talk.cmds, "SELECT", "2", NULL);
	vr_cmd_words(&p->talk.cmds, "XREVRANGE", "vir:alerts", "+", "-", "COUNT", "5", NULL);
	vr_cmd_words(&p->talk.cmds, "SELECT", "0", NULL);
	const struct vr_reply *r = ask(&p->talk, 1);
	printf("\n  last alerts (redis-cli -s %s -n 2 XREVRANGE vir:alerts + - COUNT 5)\n", p->socket);
	for (size_t i = 0; r && i < r->n && i < ALERTS; i++) {
		const struct vr_reply *f = &r->elem[i].elem[1];
		struct vr_str title = vr_utf8_cut(vr_reply_field_str(f, "title"), TITLE_MAX_LEN), name = vr_reply_field_str(f, "alertname");
		struct vr_str state = vr_reply_field_str(f, "state"), value = vr_reply_field_str(f, "value");
		printf("  %-9.*s %-24.*s %-*.*s value %.*s\n", (int)state.n, state.p, (int)name.n, name.p, TITLE_MAX_LEN, (int)title.n,
			title.p, (int)value.n, value.p);
	}
	if (!r || r->n == 0)
		printf("  none yet\n");
}

static void count(struct vr_picture *p, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n)
{
	p->contents = 0;
	for (size_t i = 0; i < n; i++)
		p->contents += facts[i].engine.contents;
	vr_cmd_words(&p->talk.cmds, "HMGET", "vir:meta", "lag_records", NULL);
	const struct vr_reply *r = ask(&p->talk, 0);
	int64_t lag = 0;
	p->lag = r && vr_reply_i64(&r->elem[0], &lag) ? (uint64_t)lag : 0;
	p->last = *sums;
}

void vr_picture_draw(struct vr_picture *p, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n)
{
	int64_t now = vr_clock_mono().ms;
	double seconds = (double)(now - p->before_ms) / 1000;
	uint64_t folded = sums->folded - p->before.folded;
	count(p, sums, facts, n);
	double rate = seconds > 0 ? (double)folded / seconds : 0;
	if (p->tty)
		printf("\033[H\033[2J  virald demo - for trying out only: a mock Kafka, a private Redis, made-up events. Ctrl-C ends it.\n\n");
	printf("  %5llds  %9.0f events/s  %12llu folded  lag %-8llu contents %-9llu alerts %-6llu cuts %llu\n",
		(long long)((now - p->began_ms) / 1000), rate, (unsigned long long)sums->folded, (unsigned long long)p->lag,
		(unsigned long long)p->contents, (unsigned long long)sums->alerts, (unsigned long long)sums->cuts);
	if (p->tty) {
		draw_board(p);
		draw_alerts(p);
		printf("\n  look yourself:  redis-cli -s %s HGETALL vir:all        http://%s/metrics\n"
			"                  kcat -b %s -t virality-events -C -c 3\n", p->socket, p->http, p->brokers);
	}
	fflush(stdout);
	p->before = *sums;
	p->before_ms = now;
}

void vr_picture_summary(struct vr_picture *p)
{
	double seconds = (double)(vr_clock_mono().ms - p->began_ms) / 1000;
	p->tty = false;
	draw_board(p);
	draw_alerts(p);
	printf("\n  in %.0f s: %llu events folded (%.0f a second), %llu duplicates, %llu refused, %llu contents, %llu alerts, %llu cuts\n",
		seconds, (unsigned long long)p->last.folded, seconds > 0 ? (double)p->last.folded / seconds : 0,
		(unsigned long long)p->last.duplicates, (unsigned long long)p->last.refused, (unsigned long long)p->contents,
		(unsigned long long)p->last.alerts, (unsigned long long)p->last.cuts);
	fflush(stdout);
}
