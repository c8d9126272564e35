/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include "get.h"
#include "show.h"
#include "virality/term.h"
#include "virality/json.h"

/* The window asked for, else the shortest of five minutes or more, else the longest. */
static const char *choose_window(const struct vr_ctl_get *run)
{
	const struct vr_windows *w = &run->peers.config->windows;
	uint8_t i = 0;

	if (run->window)
		return vr_windows_find(w, vr_str_c(run->window)) >= 0 ? run->window : NULL;
	while (i + 1 < w->n && w->width_ms[i] * VR_BUCKETS < 300000)
		i++;
	return w->name[i];
}

static enum vr_err ask_board(
	struct vr_ctl_get *run, const char *window, const struct vr_reply **ret, struct vr_diag *d)
{
	struct vr_ctl_peers *p = &run->peers;
	struct vr_cmds *c = &p->cmds;
	struct vr_replies r = {0};
	char name[160];
	enum vr_err err;

	if (run->channel)
		(void)snprintf(name, sizeof(name), "top:%s:ch:{%s}", window, run->channel);
	else
		(void)snprintf(name, sizeof(name), "top:%s", window);
	vr_cmd(c, 5, "ZREVRANGE");
	vr_key_global(c, &p->keys, name);
	vr_cmd_i64(c, 0);
	vr_cmd_i64(c, (int64_t)run->n - 1);
	vr_cmd_c(c, "WITHSCORES");
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, &r, d);
	if (!err)
		*ret = &r.at[0];
	return err;
}

static enum vr_err ask_titles(
	struct vr_ctl_peers *p, const struct vr_reply *board, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_cmds *c = &p->cmds;
	enum vr_err err;

	for (size_t i = 0; i + 1 < board->n; i += 2) {
		vr_cmd(c, 6, "HMGET");
		vr_key_content(c, &p->keys, board->elem[i].str, "");
		vr_cmd_c(c, "title");
		vr_cmd_c(c, "channel_top");
		vr_cmd_c(c, "shares_total");
		vr_cmd_c(c, "share_velocity");
	}
	err = vr_ctl_peers_ask(p, VR_CTL_LIVE, ret, d);
	return err;
}

static void print_board(struct vr_ctl_peers *p, const struct vr_reply *board, const struct vr_replies *about,
	const char *window)
{
	const struct vr_ctl_column columns[] = {{"#", true, 0}, {window, true, 0}, {"total", true, 0},
		{"a minute", true, 0}, {"mostly", false, 20}, {"content", false, 32}, {"title", false, 60}};
	struct vr_ctl_table t;

	vr_ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]), &p->arena);
	for (size_t i = 0; i + 1 < board->n; i += 2) {
		const struct vr_reply *of = about->at[i / 2].elem;
		struct vr_ctl_row *row = vr_ctl_table_row(&t);
		int64_t total = 0;

		if (!row)
			return;
		row->cells[0] = vr_ctl_number(&p->arena, (int64_t)(i / 2 + 1));
		row->cells[1] = board->elem[i + 1].str;
		if (vr_reply_i64(&of[2], &total))
			row->cells[2] = vr_ctl_number(&p->arena, total);
		row->cells[3] = of[3].str;
		row->cells[4] = of[1].str;
		row->cells[5] = board->elem[i].str;
		row->cells[6] = of[0].str;
	}
	vr_ctl_table_print(&t, stdout);
}

static enum vr_err print_board_json(
	struct vr_ctl_peers *p, const struct vr_reply *board, const struct vr_replies *about)
{
	static const char *const names[] = {"title", "channel_top", "shares_total", "share_velocity"};
	struct vr_buf b;
	enum vr_err err = VR_OK;

	vr_buf_init(&b, &p->mem);
	for (size_t i = 0; !err && i + 1 < board->n; i += 2) {
		const struct vr_reply *of = about->at[i / 2].elem;

		vr_buf_c(&b, "{\"rank\":");
		vr_buf_u64(&b, i / 2 + 1);
		vr_buf_c(&b, ",\"content_id\":");
		vr_ctl_json_value(&b, VR_STR("content_id"), board->elem[i].str);
		vr_buf_c(&b, ",\"shares\":");
		vr_ctl_json_value(&b, VR_STR("shares"), board->elem[i + 1].str);
		for (size_t f = 0; f < 4; f++) {
			if (of[f].type != VR_REPLY_STR)
				continue;
			vr_buf_byte(&b, ',');
			vr_json_string(&b, vr_str_c(names[f]));
			vr_buf_byte(&b, ':');
			vr_ctl_json_value(&b, vr_str_c(names[f]), of[f].str);
		}
		vr_buf_byte(&b, '}');
		err = vr_ctl_print_line(&b);
	}
	vr_buf_done(&b);
	return err;
}

enum vr_ctl_exit vr_ctl_get_top(struct vr_ctl_get *run)
{
	const char *window = choose_window(run);
	const struct vr_reply *board = NULL;
	struct vr_replies about = {0};
	struct vr_diag d = {0};
	enum vr_err err;

	if (!window)
		return vr_ctl_misuse(run->self, "no window \"%s\": the configuration has %.*s", run->window,
			(int)run->peers.config->windows_text.n, run->peers.config->windows_text.p);
	err = ask_board(run, window, &board, &d);
	if (!err && board->n)
		err = ask_titles(&run->peers, board, &about, &d);
	if (err)
		return vr_ctl_fail(err, &d);
	if (run->json)
		err = print_board_json(&run->peers, board, &about);
	else if (board->n == 0)
		vr_ctl_note("nothing was shared in the last %s", window);
	else
		print_board(&run->peers, board, &about, window);
	return err ? vr_ctl_fail(err, NULL) : VR_CTL_OK;
}
