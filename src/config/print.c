/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, shown: as values in force, as a sample to edit, as a page to read. */
#include <inttypes.h>
#include "setting.h"
#include "units.h"

#define SECRET_TEXT "<secret>"
#define WRAP_COLUMN 96

static const struct {
	const char *name, *text;
} sections[] = {
	{"", "General"},
	{"kafka", "Where events come from."},
	{"redis", "Where counters and alerts go: one Redis, virald's alone."},
	{"views", "How much is shown of each content."},
	{"cut", "How often and how much is written to Redis at once."},
	{"memory", "How much is held in memory."},
	{"publisher", "Channels, overall counters and leaderboards, merged over all partitions."},
	{"replay", "Folding history once more, beside the live daemon; and switching to what came of it."},
	{"dlq", "Dead letters: records that cannot be used."},
	{"http", "Metrics and health."},
	{"log", "What is said, and how."},
};
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static struct vr_str section_of(const struct vr_setting *s)
{
	const char *dot = strchr(s->path, '.');

	return (struct vr_str){s->path, dot ? (size_t)(dot - s->path) : 0};
}

static const char *key_of(const struct vr_setting *s)
{
	return s->path + section_of(s).n + (section_of(s).n > 0);
}

static const char *section_text(struct vr_str name)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++)
		if (vr_str_eq(name, vr_str_c(sections[i].name)))
			return sections[i].text;
	return "";
}

/* Double quotes around what YAML would read otherwise. */
static void print_text(struct vr_str t, FILE *out)
{
	bool plain = t.n > 0 && !strchr("!&*-?|>@`\"'%#{}[],~ <", t.p[0]) && t.p[t.n - 1] != ':';

	for (size_t i = 0; i < t.n && plain; i++)
		plain = !strchr("\"\\#,{}[]", t.p[i]) && !(t.p[i] == ':' && i + 1 < t.n && t.p[i + 1] == ' ');
	if (!plain)
		(void)fputc('"', out);
	for (size_t i = 0; i < t.n; i++) {
		if (!plain && (t.p[i] == '"' || t.p[i] == '\\'))
			(void)fputc('\\', out);
		(void)fputc(t.p[i], out);
	}
	if (!plain)
		(void)fputc('"', out);
}

static void print_list(const struct vr_str_list *l, FILE *out)
{
	(void)fputc('[', out);
	for (size_t i = 0; i < l->n; i++) {
		(void)fputs(i > 0 ? ", " : "", out);
		print_text(l->at[i], out);
	}
	(void)fputc(']', out);
}

/* A name that tells of a secret. */
static bool is_secret(struct vr_str name)
{
	static const char *const words[] = {
		"password", "secret", "token", "jaas", ".pem", "ssl.key", "oauthbearer.config"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (name.n > 0 && memmem(name.p, name.n, words[i], strlen(words[i])))
			return true;
	return false;
}

static void print_map(const struct vr_pair_list *l, FILE *out)
{
	(void)fputc('{', out);
	for (size_t i = 0; i < l->n; i++) {
		(void)fputs(i > 0 ? ", " : "", out);
		print_text(l->at[i].name, out);
		(void)fputs(": ", out);
		print_text(is_secret(l->at[i].name) ? VR_STR(SECRET_TEXT) : l->at[i].value, out);
	}
	(void)fputc('}', out);
}

static void print_choice(const struct vr_setting *s, int at, FILE *out)
{
	const char *word = s->unit;

	for (; at > 0; at--)
		word += strcspn(word, "|") + 1;
	(void)fprintf(out, "%.*s", (int)strcspn(word, "|"), word);
}

void vr_setting_print(const struct vr_setting *s, const struct vr_config *c, FILE *out)
{
	const void *field = vr_setting_value(c, s);
	char text[VR_UNIT_TEXT_MAX];

	switch (s->type) {
	case VR_TYPE_STR:
		print_text(*(const struct vr_str *)field, out);
		break;
	case VR_TYPE_INT:
		(void)fprintf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case VR_TYPE_SIZE:
		vr_size_print(*(const int64_t *)field, text);
		(void)fputs(text, out);
		break;
	case VR_TYPE_SPAN:
		vr_span_print(((const struct vr_span *)field)->ms, text);
		(void)fputs(text, out);
		break;
	case VR_TYPE_BOOL:
		(void)fputs(*(const bool *)field ? "yes" : "no", out);
		break;
	case VR_TYPE_CHOICE:
		print_choice(s, *(const int *)field, out);
		break;
	case VR_TYPE_LIST:
		print_list(field, out);
		break;
	case VR_TYPE_MAP:
		print_map(field, out);
		break;
	case VR_TYPE_SECRET:
		(void)fputs(((const struct vr_str *)field)->n > 0 ? SECRET_TEXT : "\"\"", out);
		break;
	}
}

static void begin_section(const struct vr_setting *s, struct vr_str *now, const char *format, FILE *out)
{
	struct vr_str section = section_of(s);

	if (vr_str_eq(section, *now))
		return;
	*now = section;
	(void)fprintf(out, format, (int)section.n, section.p, section_text(section));
}

void vr_config_dump(const struct vr_config *config, FILE *out)
{
	struct vr_str section = {0};

	for (size_t i = 0; i < vr_settings_n; i++) {
		begin_section(&vr_settings[i], &section, "%.*s:  # %s\n", out);
		(void)fprintf(out, "%s%s: ", section.n > 0 ? "  " : "", key_of(&vr_settings[i]));
		vr_setting_print(&vr_settings[i], config, out);
		(void)fprintf(out, "  # %s\n", config->own->origin[i].text);
	}
}

/* A paragraph of comment, wrapped at blanks. */
static void print_comment(const char *indent, const char *text, FILE *out)
{
	while (*text) {
		size_t n = strlen(text), room = WRAP_COLUMN - strlen(indent) - 2;
		if (n > room) {
			n = room;
			while (n > 0 && text[n] != ' ')
				n--;
		}
		(void)fprintf(out, "%s# %.*s\n", indent, (int)n, text);
		text += n + (text[n] == ' ');
	}
}

static void print_fallback(const struct vr_setting *s, FILE *out)
{
	struct vr_str t = vr_str_c(s->fallback);

	if (s->type == VR_TYPE_MAP)
		(void)fputs("{}", out);
	else if (s->type == VR_TYPE_LIST)
		print_list(&(struct vr_str_list){&t, t.n > 0}, out);
	else if (s->type == VR_TYPE_STR || s->type == VR_TYPE_SECRET)
		print_text(t, out);
	else
		(void)fputs(s->fallback, out);
}

static void print_sample_row(const struct vr_setting *s, FILE *out)
{
	const char *indent = section_of(s).n > 0 ? "  " : "";
	char expected[300], line[400];

	vr_setting_expected(s, expected, sizeof(expected));
	(void)snprintf(line, sizeof(line), "Expected: %s.%s", expected, s->reloadable ? " Reloadable." : "");
	(void)fputc('\n', out);
	print_comment(indent, s->text, out);
	print_comment(indent, line, out);
	(void)fprintf(out, "%s#%s: ", indent, key_of(s));
	print_fallback(s, out);
	(void)fputc('\n', out);
}

void vr_config_print_sample(FILE *out)
{
	struct vr_str section = {0};

	(void)fputs("# virald.yaml: all settings, each with its default. Printed by `virald sample`.\n"
				"# Files in conf.d beside this one are read after it, in lexical order; maps merge, later "
				"values win.\n"
				"# Then VIRALD_SECTION__KEY of the environment, then --set section.key=value.\n"
				"# ${VAR} and ${VAR:-default} in a value are replaced; $${ is a plain ${.\n"
				"# Reloadable settings change with `systemctl reload virald`; the others with a restart.\n",
		out);
	for (size_t i = 0; i < vr_settings_n; i++) {
		begin_section(&vr_settings[i], &section, "\n%.*s:  # %s\n", out);
		print_sample_row(&vr_settings[i], out);
	}
}

static void print_cell(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '|')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
}

static void print_reference_row(const struct vr_setting *s, FILE *out)
{
	char expected[300];

	vr_setting_expected(s, expected, sizeof(expected));
	(void)fprintf(out, "| `%s` | `", s->path);
	print_fallback(s, out);
	(void)fputs("` | ", out);
	print_cell(expected, out);
	(void)fprintf(out, " | %s | ", s->reloadable ? "yes" : "restart");
	print_cell(s->text, out);
	if (s->type == VR_TYPE_SECRET)
		(void)fprintf(out, " Or the systemd credential `%s`.", s->unit);
	(void)fputs(" |\n", out);
}

#define TABLE_HEAD "| setting | default | expected | reload | what |\n|---|---|---|---|---|\n"

void vr_config_print_reference(FILE *out)
{
	struct vr_str section = {0};

	(void)fputs(
		"# Settings of virald\n\nPrinted by `virald reference` from "
		"`include/virality/settings.def`.\n\n"
		"Sources, later ones win: defaults, `/etc/virald/virald.yaml`, `conf.d/*.yaml` beside it in lexical "
		"order (maps merge),\n"
		"the environment (`VIRALD_KAFKA__BROKERS` is `kafka.brokers`), the command line (`--set "
		"kafka.brokers=...`).\n"
		"`virald check --dump-config` shows every value with its origin. `${VAR}` and `${VAR:-default}` are "
		"replaced in values of files.\n"
		"An unknown key is an error. Secrets come from files or systemd credentials and are never shown.\n"
		"A setting whose reload is `yes` changes with `systemctl reload virald`, the others with a "
		"restart.\n\n"
		"## General\n\n" TABLE_HEAD,
		out);
	for (size_t i = 0; i < vr_settings_n; i++) {
		begin_section(&vr_settings[i], &section, "\n## %.*s\n\n%s\n\n" TABLE_HEAD, out);
		print_reference_row(&vr_settings[i], out);
	}
}

static bool is_pairs_equal(const struct vr_pair_list *a, const struct vr_pair_list *b)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; i < a->n && equal; i++)
		equal = vr_str_eq(a->at[i].name, b->at[i].name) && vr_str_eq(a->at[i].value, b->at[i].value);
	return equal;
}

static bool is_list_equal(const struct vr_str_list *a, const struct vr_str_list *b)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; i < a->n && equal; i++)
		equal = vr_str_eq(a->at[i], b->at[i]);
	return equal;
}

static bool is_equal(const struct vr_setting *s, const void *a, const void *b)
{
	switch (s->type) {
	case VR_TYPE_STR:
	case VR_TYPE_SECRET:
		return vr_str_eq(*(const struct vr_str *)a, *(const struct vr_str *)b);
	case VR_TYPE_INT:
	case VR_TYPE_SIZE:
		return *(const int64_t *)a == *(const int64_t *)b;
	case VR_TYPE_SPAN:
		return ((const struct vr_span *)a)->ms == ((const struct vr_span *)b)->ms;
	case VR_TYPE_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case VR_TYPE_CHOICE:
		return *(const int *)a == *(const int *)b;
	case VR_TYPE_LIST:
		return is_list_equal(a, b);
	case VR_TYPE_MAP:
		return is_pairs_equal(a, b);
	}
	return false;
}

void vr_config_compare(const struct vr_config *a, const struct vr_config *b,
	void (*each)(void *ctx, const char *path, bool reloadable), void *ctx)
{
	for (size_t i = 0; i < vr_settings_n; i++) {
		const struct vr_setting *s = &vr_settings[i];
		if (!is_equal(s, vr_setting_value(a, s), vr_setting_value(b, s)))
			each(ctx, s->path, s->reloadable);
	}
}
