/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>
#include "get.h"
#include "show.h"
#include "virality/term.h"
#include "virality/event.h"

#define AT(field) offsetof(struct vr_ctl_get, field)
static const struct vr_ctl_option options[] = {
	{"json", 'j', VR_CTL_FLAG, AT(json), NULL, "JSON, one object a line", 0, 0, 0},
	{"window", 'w', VR_CTL_TEXT, AT(window), "WINDOW", "top: of which window (the shortest of 5m or more)", 0,
		0, 0},
	{"channel", 'C', VR_CTL_TEXT, AT(channel), "NAME", "top: of which channel (all)", 0, 0, 0},
	{"number", 'n', VR_CTL_WHOLE, AT(n), "N", "top: how many (10)", 1, 10000, 0},
};

/* ------------------------------------------------------------------------- counters -- */

static struct vr_str count_of(
	struct vr_arena *a, const struct vr_reply *flat, const char *plural, const char *window)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_%s", plural, window);
	return vr_ctl_number(a, vr_ctl_field_number(flat, name));
}

static bool has_any(const struct vr_reply *flat, const char *plural)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_total", plural);
	return vr_ctl_field_number(flat, name) != 0;
}

/* Actions down, windows across. */
static void print_counts(struct vr_ctl_peers *p, const struct vr_reply *flat)
{
	const struct vr_windows *w = &p->config->windows;
	struct vr_ctl_column columns[2 + VR_WINDOWS_MAX] = {{"", false, 0}, {"total", true, 0}};
	struct vr_ctl_table t;

	for (size_t i = 0; i < w->n; i++)
		columns[2 + i] = (struct vr_ctl_column){w->name[i], true, 0};
	vr_ctl_table_init(&t, columns, 2U + w->n, &p->arena);
	for (int action = 0; action < VR_ACTIONS_MAX; action++) {
		const char *plural = vr_action_plural((enum vr_action)action);
		struct vr_ctl_row *row;

		if (action != VR_ACTION_SHARE && !has_any(flat, plural))
			continue;
		row = vr_ctl_table_row(&t);
		if (!row)
			return;
		row->cells[0] = vr_str_c(plural);
		row->cells[1] = count_of(&p->arena, flat, plural, "total");
		for (size_t i = 0; i < w->n; i++)
			row->cells[2 + i] = count_of(&p->arena, flat, plural, w->name[i]);
	}
	vr_ctl_table_print(&t, stdout);
}

static void print_as_of(struct vr_ctl_peers *p, const struct vr_reply *flat)
{
	struct vr_str at = vr_ctl_time(&p->arena, vr_ctl_field_number(flat, "as_of_ms"));

	vr_ctl_put_style(stdout, VR_CTL_DIM);
	printf("as of %.*s UTC%s\n", (int)at.n, at.p,
		vr_ctl_field(flat, "partial").n ? ", partial: not every partition is in it" : "");
	vr_ctl_put_style(stdout, VR_CTL_PLAIN);
}

/* --------------------------------------------------------------------------- content -- */

static void put_named(const char *name, struct vr_str value)
{
	if (!value.n)
		return;
	printf("%-20s", name);
	vr_ctl_put_text(stdout, value);
	fputc('\n', stdout);
}

static void print_channels(struct vr_ctl_peers *p, const struct vr_reply *flat)
{
	static const struct vr_ctl_column columns[] = {{"channel", false, 0}, {"shares", true, 0}};
	struct vr_ctl_table t;

	vr_ctl_table_init(&t, columns, 2, &p->arena);
	for (size_t i = 0; i + 1 < flat->n; i += 2) {
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		int64_t n = 0;

		if (!row || !vr_reply_i64(&flat->elem[i + 1], &n))
			continue;
		row->cells[0] = flat->elem[i].str;
		row->cells[1] = vr_ctl_number(&p->arena, n);
	}
	fputc('\n', stdout);
	vr_ctl_table_print(&t, stdout);
}

static void print_content(struct vr_ctl_peers *p, const struct vr_replies *r)
{
	static const char *const named[] = {"content_id", "content_type", "channel_top", "home", "unique_sharers",
		"mean_depth", "max_depth", "root_share_fraction", "share_velocity"};
	const struct vr_reply *flat = &r->at[0], *channels = &r->at[1], *info = &r->at[2];
	struct vr_str title = vr_ctl_field(info, "title"), url = vr_ctl_field(info, "url");

	title = title.n ? title : vr_ctl_field(flat, "title");
	url = url.n ? url : vr_ctl_field(flat, "url");
	vr_ctl_put_style(stdout, VR_CTL_BOLD);
	vr_ctl_put_text(stdout, title.n ? title : vr_ctl_field(flat, "content_id"));
	vr_ctl_put_style(stdout, VR_CTL_PLAIN);
	fputc('\n', stdout);
	put_named("url", url);
	put_named("author_id", vr_ctl_field(info, "author_id"));
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		put_named(named[i], vr_ctl_field(flat, named[i]));
	put_named("first event", vr_ctl_time(&p->arena, vr_ctl_field_number(flat, "first_ms")));
	put_named("last event", vr_ctl_time(&p->arena, vr_ctl_field_number(flat, "last_ms")));
	fputc('\n', stdout);
	print_counts(p, flat);
	if (channels->n)
		print_channels(p, channels);
	print_as_of(p, flat);
}

static enum vr_err print_content_json(struct vr_ctl_peers *p, const struct vr_replies *r)
{
	struct vr_buf b;
	enum vr_err err;

	vr_buf_init(&b, &p->mem);
	vr_buf_byte(&b, '{');
	vr_ctl_json_pairs(&b, &r->at[0]);
	vr_buf_c(&b, ",\"channels\":");
	vr_ctl_json_hash(&b, &r->at[1]);
	if (r->at[2].n) {
		vr_buf_c(&b, ",\"info\":");
		vr_ctl_json_hash(&b, &r->at[2]);
	}
	vr_buf_byte(&b, '}');
	err = vr_ctl_print_line(&b);
	vr_buf_done(&b);
	return err;
}

static enum vr_ctl_exit get_content(struct vr_ctl_get *run)
{
	static const char *const suffixes[] = {"", ":channels", ":info"};
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	struct vr_diag d = {0};
	enum vr_err err;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		vr_cmd(c, 2, "HGETALL");
		vr_key_content(c, &p->keys, vr_str_c(run->id), suffixes[i]);
	}
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, &d);
	if (err)
		return vr_ctl_fail(err, &d);
	if (r.at[0].n == 0) {
		vr_ctl_note("no content \"%s\" is counted (or it was forgotten)", run->id);
		return VR_CTL_FAILED;
	}
	if (!run->json)
		print_content(p, &r);
	else
		err = print_content_json(p, &r);
	return err ? vr_ctl_fail(err, NULL) : VR_CTL_OK;
}

/* ------------------------------------------------------------------- channel and all -- */

static enum vr_ctl_exit print_merged(struct vr_ctl_get *run, const struct vr_reply *flat, const char *name)
{
	struct vr_buf b;
	enum vr_err err = VR_OK;

	if (flat->n == 0) {
		vr_ctl_note("nothing is counted for %s", name);
		return VR_CTL_FAILED;
	}
	if (run->json) {
		vr_buf_init(&b, &run->peers.mem);
		vr_ctl_json_hash(&b, flat);
		err = vr_ctl_print_line(&b);
		vr_buf_done(&b);
		return err ? vr_ctl_fail(err, NULL) : VR_CTL_OK;
	}
	vr_ctl_put_style(stdout, VR_CTL_BOLD);
	vr_ctl_put_text(stdout, vr_str_c(name));
	vr_ctl_put_style(stdout, VR_CTL_PLAIN);
	fputs("\n\n", stdout);
	print_counts(&run->peers, flat);
	print_as_of(&run->peers, flat);
	return VR_CTL_OK;
}

static enum vr_ctl_exit get_merged(struct vr_ctl_get *run)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	struct vr_diag d = {0};
	enum vr_err err;

	vr_cmd(c, 2, "HGETALL");
	if (run->id)
		vr_key_channel(c, &p->keys, vr_str_c(run->id), "");
	else
		vr_key_global(c, &p->keys, "all");
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, &d);
	return err ? vr_ctl_fail(err, &d) : print_merged(run, &r.at[0], run->id ? run->id : "all channels");
}

/* ----------------------------------------------------------------------------- which -- */

static const struct {
	const char *word;
	bool named;
	enum vr_ctl_exit (*run)(struct vr_ctl_get *run);
} what[] = {
	{"content", true, get_content},
	{"channel", true, get_merged},
	{"all", false, get_merged},
	{"top", false, vr_ctl_get_top},
};

static enum vr_ctl_exit get(struct vr_ctl_get *run, const struct vr_ctl_operands *words)
{
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		enum vr_ctl_exit code;

		if (strcmp(words->at[0], what[i].word) != 0)
			continue;
		if (words->n != 1 + what[i].named)
			return vr_ctl_misuse(run->self, "get %s wants %s", what[i].word,
				what[i].named ? "one name behind it" : "nothing behind it");
		run->id = what[i].named ? words->at[1] : NULL;
		code = vr_ctl_peers_load(&run->peers);
		return code ? code : vr_ctl_finish(what[i].run(run));
	}
	return vr_ctl_misuse(run->self, "get \"%s\"? Expected content, channel, all or top", words->at[0]);
}

static enum vr_ctl_exit run_get(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct vr_ctl_get run = {.self = self, .n = 10};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands words;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &words, &code))
		return code;
	if (words.n == 0)
		return vr_ctl_misuse(self, "get what? content ID, channel NAME, all or top");
	code = get(&run, &words);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_get_command = {
	.name = "get",
	.operands = "content ID | channel NAME | all | top",
	.summary = "Show the counters of a content, a channel or everything, or what is shared most.",
	.run = run_get,
};
