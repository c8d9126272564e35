/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics a rule may name and the labels each takes. */
#include "rules_program.h"

#define CHANNEL_BYTES_MAX 64U
#define LIST_BYTES        160
#define COUNT_OF(a)       (sizeof(a) / sizeof((a)[0]))

enum label { LABEL_WINDOW, LABEL_ACTION, LABEL_CHANNEL, _LABEL_MAX };
enum { BY_LABEL = -1 }; /* the action is what the label `action` says */

static const char *const label_names[] = {"window", "action", "channel"};

static const struct metric {
	const char *name;
	enum vr_metric metric;
	int action;
} metrics[] = {
#define X(up, low, plural)                                                                                   \
	{#plural, VR_METRIC_WINDOW, VR_ACTION_##up}, {#plural "_total", VR_METRIC_TOTAL, VR_ACTION_##up},
	VR_ACTIONS(X)
#undef X
		{"events", VR_METRIC_WINDOW, BY_LABEL},
	{"events_total", VR_METRIC_TOTAL, BY_LABEL},
	{"unique_sharers", VR_METRIC_UNIQUE_SHARERS, 0},
	{"mean_depth", VR_METRIC_MEAN_DEPTH, 0},
	{"max_depth", VR_METRIC_MAX_DEPTH, 0},
	{"root_share_fraction", VR_METRIC_ROOT_SHARE_FRACTION, 0},
	{"share_velocity", VR_METRIC_SHARE_VELOCITY, 0},
};

static const struct {
	const char *word, *why;
} foreign[] = {
	{"bool", "a comparison keeps or drops the value, without `bool`"},
	{"on", "there is one entity, nothing to match"},
	{"ignoring", "there is one entity, nothing to match"},
	{"by", "there is one entity, nothing to group"},
	{"without", "there is one entity, nothing to group"},
	{"group_left", "there is one entity, nothing to match"},
	{"group_right", "there is one entity, nothing to match"},
	{"offset", "a rule sees the present only"},
	{"atan2", "there are + - * /"},
};

/* A selector as written: each label's value, if it is there. */
struct selector {
	struct vr_token name;
	const struct metric *metric; /* NULL: unknown */
	struct vr_token value[_LABEL_MAX];
	bool has[_LABEL_MAX];
	bool misspelt; /* an unknown label: it may be the one that is missing */
};

static const struct metric *find_metric(struct vr_str name)
{
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		if (vr_str_eq(name, vr_str_c(metrics[i].name)))
			return &metrics[i];
	return NULL;
}

static int find_name(struct vr_str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (vr_str_eq(name, vr_str_c(names[i])))
			return (int)i;
	return -1;
}

static void say_unknown(struct vr_parser *p, const struct vr_token *t, const char *what,
	const char *const *names, size_t n, const char *expected)
{
	const char *near = vr_str_nearest(t->text, names, n);

	vr_rules_say(p->errors, vr_parser_pos(p, t->at),
		near ? "unknown %s %q; did you mean `%s`?" : "unknown %s %q; expected %s", what, t->text,
		near ? near : expected);
}

static void say_unknown_metric(struct vr_parser *p, const struct vr_token *t)
{
	const char *names[COUNT_OF(metrics)];

	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		names[i] = metrics[i].name;
	say_unknown(
		p, t, "metric", names, COUNT_OF(names), "one of those in RULES.md, such as shares or shares_total");
}

static void list_windows(const struct vr_windows *w, char text[LIST_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		size_t len = strnlen(w->name[i], VR_WINDOW_NAME_MAX);
		if (i > 0)
			text[n++] = ' ';
		memcpy(text + n, w->name[i], len);
		n += len;
	}
	text[n] = '\0';
}

static bool takes_label(const struct metric *m, enum label l)
{
	bool counts = m->metric == VR_METRIC_TOTAL || m->metric == VR_METRIC_WINDOW;

	if (l == LABEL_WINDOW)
		return m->metric == VR_METRIC_WINDOW;
	if (l == LABEL_ACTION)
		return counts && m->action == BY_LABEL;
	/* Of a channel the windows of shares are kept, and the totals of everything. */
	return counts && (m->metric == VR_METRIC_TOTAL || m->action == BY_LABEL || m->action == VR_ACTION_SHARE);
}

static void check_allowed(
	struct vr_parser *p, const struct selector *s, const struct vr_token *name, enum label l)
{
	struct vr_pos pos = vr_parser_pos(p, name->at);

	if (s->has[l])
		vr_rules_say(p->errors, pos, "label %q is there twice", name->text);
	if (!s->metric || takes_label(s->metric, l))
		return;
	if (l == LABEL_CHANNEL && s->metric->metric == VR_METRIC_WINDOW)
		vr_rules_say(p->errors, pos,
			"%q has no label `channel` with a window: only shares are kept by channel and "
			"window; expected shares, or %s_total for all time",
			s->name.text, s->metric->name);
	else
		vr_rules_say(p->errors, pos, "metric %q has no label %q", s->name.text, name->text);
}

static void parse_label(struct vr_parser *p, struct selector *s)
{
	struct vr_token name = p->token;
	int l;

	if (name.kind != VR_TOK_NAME) {
		vr_parser_unexpected(p, "a label (window, action or channel) or `}`");
		return;
	}
	l = find_name(name.text, label_names, _LABEL_MAX);
	s->misspelt |= l < 0;
	if (l < 0)
		say_unknown(p, &name, "label", label_names, _LABEL_MAX, "window, action or channel");
	else
		check_allowed(p, s, &name, (enum label)l);
	vr_parser_advance(p);
	if (p->token.kind == VR_TOK_NE)
		vr_parser_unexpected(p, "`=`: a label is matched with = only");
	else if (p->token.kind != VR_TOK_ASSIGN)
		vr_parser_unexpected(p, "`=`");
	vr_parser_advance(p);
	if (p->token.kind != VR_TOK_STRING)
		vr_parser_unexpected(p, "the label's value in quotes");
	if (l >= 0 && !p->broken) {
		s->value[l] = p->token;
		s->has[l] = true;
	}
	vr_parser_advance(p);
}

static void parse_labels(struct vr_parser *p, struct selector *s)
{
	vr_parser_advance(p);
	while (!p->broken && p->token.kind != VR_TOK_RIGHT_BRACE) {
		parse_label(p, s);
		if (p->token.kind == VR_TOK_COMMA)
			vr_parser_advance(p);
		else if (p->token.kind != VR_TOK_RIGHT_BRACE)
			vr_parser_unexpected(p, "`,` or `}`");
	}
	vr_parser_advance(p);
}

static uint8_t resolve_window(struct vr_parser *p, const struct selector *s)
{
	const struct vr_token *t = &s->value[LABEL_WINDOW];
	char list[LIST_BYTES];
	int i;

	list_windows(p->windows, list);
	if (!s->has[LABEL_WINDOW]) {
		if (s->metric && s->metric->metric == VR_METRIC_WINDOW && !s->misspelt)
			vr_rules_say(p->errors, vr_parser_pos(p, s->name.at),
				"%q needs a window; expected %s{window=\"...\"} with "
				"one of: %s (or %s_total for all time)",
				s->name.text, s->metric->name, list, s->metric->name);
		return 0;
	}
	i = vr_windows_find(p->windows, t->text);
	if (i < 0)
		vr_rules_say(
			p->errors, vr_parser_pos(p, t->at), "unknown window %q; configured are: %s", t->text, list);
	return (uint8_t)(i < 0 ? 0 : i);
}

static enum vr_action resolve_action(struct vr_parser *p, const struct selector *s)
{
	const struct vr_token *t = &s->value[LABEL_ACTION];
	const char *names[VR_ACTIONS_MAX];
	int i;

	if (!s->has[LABEL_ACTION]) {
		if (s->metric && s->metric->action == BY_LABEL && !s->misspelt)
			vr_rules_say(p->errors, vr_parser_pos(p, s->name.at),
				"%q needs an action; expected for example "
				"%s{action=\"share\"}",
				s->name.text, s->metric->name);
		return s->metric && s->metric->action != BY_LABEL ? (enum vr_action)s->metric->action
														  : VR_ACTION_SHARE;
	}
	for (i = 0; i < VR_ACTIONS_MAX; i++)
		names[i] = vr_action_name((enum vr_action)i);
	i = find_name(t->text, names, VR_ACTIONS_MAX);
	if (i < 0)
		say_unknown(p, t, "action", names, VR_ACTIONS_MAX, "one of those in RULES.md, such as share or view");
	return (enum vr_action)(i < 0 ? VR_ACTION_SHARE : i);
}

/* Channel names are kept in lower case: another spelling could never match. */
static void check_channel(struct vr_parser *p, const struct vr_token *t)
{
	struct vr_pos pos = vr_parser_pos(p, t->at);
	bool odd = false;

	for (size_t i = 0; i < t->text.n; i++)
		odd |= (t->text.p[i] >= 'A' && t->text.p[i] <= 'Z') || t->text.p[i] == '{' || t->text.p[i] == '}';
	if (t->text.n == 0 || t->text.n > CHANNEL_BYTES_MAX)
		vr_rules_say(
			p->errors, pos, "channel %q; expected 1 to %u bytes", t->text, (size_t)CHANNEL_BYTES_MAX);
	else if (odd || !vr_utf8_clean(t->text))
		vr_rules_say(p->errors, pos,
			"channel %q can never match; expected lower-case letters, no braces and no control "
			"characters",
			t->text);
}

static struct vr_str resolve_channel(struct vr_parser *p, const struct selector *s, enum vr_action action)
{
	const struct vr_token *t = &s->value[LABEL_CHANNEL];

	if (!s->has[LABEL_CHANNEL])
		return (struct vr_str){0};
	check_channel(p, t);
	if (s->metric && s->metric->metric == VR_METRIC_WINDOW && s->metric->action == BY_LABEL &&
		s->has[LABEL_ACTION] && action != VR_ACTION_SHARE)
		vr_rules_say(p->errors, vr_parser_pos(p, t->at),
			"only shares are kept by channel and window; expected "
			"action=\"share\", or events_total for all time");
	return t->text;
}

/* A word of PromQL that this language has not: what follows cannot be understood either. */
static bool is_foreign(struct vr_parser *p, const struct vr_token *t)
{
	for (size_t i = 0; i < COUNT_OF(foreign); i++) {
		if (!vr_str_eq(t->text, vr_str_c(foreign[i].word)))
			continue;
		vr_rules_say(p->errors, vr_parser_pos(p, t->at), "%q is not supported: %s", t->text, foreign[i].why);
		p->broken = true;
		return true;
	}
	return false;
}

struct vr_term vr_parser_selector(struct vr_parser *p)
{
	struct selector s = {.name = p->token, .metric = find_metric(p->token.text)};
	struct vr_term term = {.metric = s.metric ? s.metric->metric : VR_METRIC_TOTAL};

	vr_parser_advance(p);
	if (p->token.kind == VR_TOK_LEFT_PAREN) {
		vr_rules_say(p->errors, vr_parser_pos(p, s.name.at),
			"%q is called like a function; there are no functions, "
			"expected a metric",
			s.name.text);
		p->broken = true;
		return term;
	}
	if (!s.metric && is_foreign(p, &s.name))
		return term;
	if (!s.metric)
		say_unknown_metric(p, &s.name);
	if (p->token.kind == VR_TOK_LEFT_BRACE)
		parse_labels(p, &s);
	if (p->broken)
		return term;
	term.window = resolve_window(p, &s);
	term.action = resolve_action(p, &s);
	term.channel = resolve_channel(p, &s, term.action);
	return term;
}
