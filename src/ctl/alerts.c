/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include "clock.h"
#include "peers.h"
#include "show.h"
#include "virality/term.h"

enum { BLOCK_MS = 1000, AGAIN_MS = 1000, PAGE = 1000, ID_MAX = 48 };

struct alerts_run {
	struct vr_ctl_peers peers;
	uint64_t n;
	bool follow, active, json;
	const char *replay;		/* of this generation, instead of those that were said */
	char last[ID_MAX];		/* stream id of the last entry shown */
};

#define AT(field) offsetof(struct alerts_run, field)
static const struct vr_ctl_option options[] = {
	{"follow", 'f', VR_CTL_FLAG, AT(follow), NULL, "go on with what comes, until interrupted", 0, 0, 0},
	{"number", 'n', VR_CTL_WHOLE, AT(n), "N", "how many of the past (20)", 0, 100000, 0},
	{"active", 'a', VR_CTL_FLAG, AT(active), NULL, "what is pending or firing now, instead of what was said",
		0, 0, 0},
	{"replay", 'R', VR_CTL_TEXT, AT(replay), "NAME", "those that the replay NAME found, said or not", 0, 0, 0},
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
};

static enum vr_ctl_style style_of(struct vr_str state, struct vr_str severity)
{
	if (!vr_str_eq(state, VR_STR("firing")))
		return vr_str_eq(state, VR_STR("resolved")) ? VR_CTL_GREEN : VR_CTL_DIM;
	return vr_str_eq(severity, VR_STR("info")) ? VR_CTL_YELLOW : VR_CTL_RED;
}

/* ------------------------------------------------------------------- what was said -- */

static void print_entry(struct vr_ctl_peers *p, const struct vr_reply *flat)
{
	struct vr_str state = vr_ctl_field(flat, "state"), severity = vr_ctl_field(flat, "severity");
	struct vr_str title = vr_ctl_field(flat, "title"), reason = vr_ctl_field(flat, "reason");
	struct vr_str at = vr_ctl_time(&p->arena, vr_ctl_field_number(flat, "updated_ms"));
	struct vr_str value = vr_ctl_field(flat, "value"), threshold = vr_ctl_field(flat, "threshold");

	printf("%.*s  ", (int)at.n, at.p);
	vr_ctl_put_style(stdout, style_of(state, severity));
	vr_ctl_put_text(stdout, state);
	vr_ctl_put_style(stdout, VR_CTL_PLAIN);
	fputs("  ", stdout);
	if (severity.n) {
		vr_ctl_put_text(stdout, severity);
		fputs("  ", stdout);
	}
	vr_ctl_put_text(stdout, vr_ctl_field(flat, "alertname"));
	fputs("  ", stdout);
	vr_ctl_put_text(stdout, value);
	fputs(" against ", stdout);
	vr_ctl_put_text(stdout, threshold);
	fputs("  ", stdout);
	vr_ctl_put_text(stdout, vr_ctl_field(flat, "content_id"));
	if (title.n) {
		fputs("  ", stdout);
		vr_ctl_put_cut(stdout, title, 60);
	}
	if (reason.n) {
		fputs("  (", stdout);
		vr_ctl_put_text(stdout, reason);
		fputc(')', stdout);
	}
	fputc('\n', stdout);
}

static enum vr_err print_entry_json(struct vr_ctl_peers *p, struct vr_str id, const struct vr_reply *flat)
{
	struct vr_buf b;
	enum vr_err err;

	vr_buf_init(&b, &p->mem);
	vr_buf_c(&b, "{\"stream_id\":");
	vr_ctl_json_value(&b, VR_STR("stream_id"), id);
	if (flat->n)
		vr_buf_byte(&b, ',');
	vr_ctl_json_pairs(&b, flat);
	vr_buf_byte(&b, '}');
	err = vr_ctl_print_line(&b);
	vr_buf_done(&b);
	return err;
}

/* entry: [id, [name, value, ...]] */
static enum vr_err show(struct alerts_run *run, const struct vr_reply *entry)
{
	if (entry->n < 2 || entry->elem[0].str.n >= ID_MAX)
		return VR_E_CORRUPT;
	memcpy(run->last, entry->elem[0].str.p, entry->elem[0].str.n);
	run->last[entry->elem[0].str.n] = '\0';
	if (run->json)
		return print_entry_json(&run->peers, entry->elem[0].str, &entry->elem[1]);
	print_entry(&run->peers, &entry->elem[1]);
	return VR_OK;
}

static void put_stream(const struct alerts_run *run, struct vr_cmds *c)
{
	if (run->replay)
		vr_key_replay(c, &run->peers.keys, vr_str_c(run->replay), "alerts");
	else
		vr_key_global(c, &run->peers.keys, "alerts");
}

static enum vr_err show_past(struct alerts_run *run, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	enum vr_err err;

	vr_cmd(c, 6, "XREVRANGE");
	put_stream(run, c);
	vr_cmd_c(c, "+");
	vr_cmd_c(c, "-");
	vr_cmd_c(c, "COUNT");
	vr_cmd_i64(c, run->n ? (int64_t)run->n : 1);
	err = vr_ctl_peers_ask(p, VR_CTL_ALERTS, &r, d);
	for (size_t i = err ? 0 : r.at[0].n; !err && i-- > 0;) {
		const struct vr_reply *entry = &r.at[0].elem[i];

		if (run->n)
			err = show(run, entry);
		else	/* only where to go on from */
			(void)snprintf(run->last, sizeof(run->last), "%s", entry->elem[0].str.p);
	}
	return err;
}

/* -------------------------------------------------------------------- what comes -- */

static enum vr_err show_next(struct alerts_run *run, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	enum vr_err err;

	vr_cmd(c, 8, "XREAD");
	vr_cmd_c(c, "BLOCK");
	vr_cmd_i64(c, BLOCK_MS);
	vr_cmd_c(c, "COUNT");
	vr_cmd_i64(c, PAGE);
	vr_cmd_c(c, "STREAMS");
	put_stream(run, c);
	vr_cmd_c(c, run->last[0] ? run->last : "0");
	err = vr_ctl_peers_ask(p, VR_CTL_ALERTS, &r, d);
	if (err || r.at[0].type != VR_REPLY_ARRAY || r.at[0].n == 0)
		return err;
	/* [[stream, [entry, ...]]] */
	for (size_t i = 0; !err && i < r.at[0].elem[0].elem[1].n; i++)
		err = show(run, &r.at[0].elem[0].elem[1].elem[i]);
	return err;
}

/* A Redis that goes away is waited for: nothing is missed, for the stream keeps what was said. */
static enum vr_err follow(struct alerts_run *run, struct vr_diag *d)
{
	bool away = false;

	vr_ctl_clock_start();
	while (!vr_ctl_wait((struct vr_span){away ? AGAIN_MS : 0})) {
		enum vr_err err = show_next(run, d);
		enum vr_verdict verdict = vr_err_verdict(err);

		if (err && verdict != VR_VERDICT_RETRY && verdict != VR_VERDICT_REWIND)
			return err;
		if (err && !away)
			vr_ctl_note(
				"%s: %s; trying again each second", d->where, d->text[0] ? d->text : vr_err_text(err));
		if (!err && away)
			vr_ctl_note("redis is back");
		away = err != VR_OK;
		if (fflush(stdout) || ferror(stdout))
			return VR_OK;
		vr_arena_reset(&run->peers.arena);
	}
	return VR_OK;
}

/* ----------------------------------------------------------------- what stands now -- */

static enum vr_err show_active(struct alerts_run *run, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	enum vr_err err;

	vr_cmd(c, 2, "HVALS");
	vr_key_global(c, &p->keys, "alerts:active");
	err = vr_ctl_peers_ask(p, VR_CTL_ALERTS, &r, d);
	if (err)
		return err;
	for (size_t i = 0; i < r.at[0].n; i++) {
		struct vr_str json = r.at[0].elem[i].str;

		if (run->json)
			(void)fwrite(json.p, 1, json.n, stdout);
		else
			vr_ctl_put_text(stdout, json);
		fputc('\n', stdout);
	}
	if (r.at[0].n == 0)
		vr_ctl_note("nothing is pending or firing");
	return VR_OK;
}

static enum vr_ctl_exit run_alerts(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct alerts_run run = {.n = 20};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands rest;
	struct vr_diag d = {0};
	enum vr_ctl_exit code;
	enum vr_err err = VR_OK;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &rest, &code))
		return code;
	if (rest.n)
		return vr_ctl_misuse(self, "\"%s\" is not expected", rest.at[0]);
	if (run.active && run.replay)
		return vr_ctl_misuse(self, "--active shows what stands now; a replay says nothing to anybody");
	if (run.active && run.follow)
		return vr_ctl_misuse(self, "--active shows what stands now; leave out --follow");
	code = vr_ctl_peers_load(&run.peers);
	if (!code) {
		err = run.active ? show_active(&run, &d) : show_past(&run, &d);
		if (!err && run.follow)
			err = follow(&run, &d);
		code = vr_ctl_finish(err ? vr_ctl_fail(err, &d) : VR_CTL_OK);
	}
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_alerts_command = {
	.name = "alerts",
	.operands = "",
	.summary = "Show the last alerts, or follow them as they are said.",
	.run = run_alerts,
};
