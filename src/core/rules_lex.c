/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_lex.h"

#define DIGITS_MAX 15 /* any so many digits are a double exactly */
#define POWER_MAX  22 /* 10^22 is the last power of ten that is a double exactly */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static char peek(const struct vr_lexer *lx, size_t ahead)
{
	return lx->at + ahead < lx->text.n ? lx->text.p[lx->at + ahead] : '\0';
}

static void skip_blanks_and_comments(struct vr_lexer *lx)
{
	bool comment = false;

	for (; lx->at < lx->text.n; lx->at++) {
		char c = lx->text.p[lx->at];
		if (c == '#')
			comment = true;
		else if (c == '\n')
			comment = false;
		if (!comment && !is_blank(c))
			return;
	}
}

static struct vr_token take(struct vr_lexer *lx, enum vr_tok kind, size_t n)
{
	struct vr_token t = {.kind = kind, .at = lx->at, .text = {lx->text.p + lx->at, n}};

	lx->at += n;
	return t;
}

static struct vr_token take_bad(struct vr_lexer *lx, size_t n, const char *why)
{
	struct vr_token t = take(lx, VR_TOK_BAD, n);

	t.why = why;
	return t;
}

struct decimal {
	uint64_t digits;
	int n_digits, power;
};

static size_t scan_digits(struct vr_str s, size_t i, struct decimal *d, int power_step)
{
	for (; i < s.n && is_digit(s.p[i]); i++) {
		d->power += power_step;
		if (d->n_digits == 0 && s.p[i] == '0')
			continue;
		if (d->n_digits++ < DIGITS_MAX)
			d->digits = d->digits * 10 + (uint64_t)(s.p[i] - '0');
	}
	return i;
}

/* The exponent after `e`; leaves i alone when there is none. */
static size_t scan_exponent(struct vr_str s, size_t i, struct decimal *d)
{
	size_t j = i + 1;
	bool minus = j < s.n && s.p[j] == '-';
	int e = 0;

	if (i >= s.n || (s.p[i] != 'e' && s.p[i] != 'E'))
		return i;
	if (j < s.n && (s.p[j] == '-' || s.p[j] == '+'))
		j++;
	if (j >= s.n || !is_digit(s.p[j]))
		return i;
	for (; j < s.n && is_digit(s.p[j]); j++)
		if (e < 1000)
			e = e * 10 + (s.p[j] - '0');
	d->power += minus ? -e : e;
	return j;
}

/* digits * 10^power with one rounding, as strtod would: both factors are exact. */
static double value_of(struct decimal d)
{
	double scale = 1, v = (double)d.digits;

	for (int i = d.power < 0 ? -d.power : d.power; i > 0; i--)
		scale *= 10;
	return d.power < 0 ? v / scale : v * scale;
}

static struct vr_token lex_number(struct vr_lexer *lx)
{
	struct vr_str s = {lx->text.p + lx->at, lx->text.n - lx->at};
	struct decimal d = {0};
	struct vr_token t;
	size_t i = scan_digits(s, 0, &d, 0);

	if (i < s.n && s.p[i] == '.')
		i = scan_digits(s, i + 1, &d, -1);
	i = scan_exponent(s, i, &d);
	if (i < s.n && (is_alpha(s.p[i]) || s.p[i] == '.' || is_digit(s.p[i]))) {
		while (i < s.n && (is_alpha(s.p[i]) || is_digit(s.p[i]) || s.p[i] == '.'))
			i++;
		return take_bad(lx, i, "is not a number");
	}
	if (d.n_digits > DIGITS_MAX || d.power > POWER_MAX || d.power < -POWER_MAX)
		return take_bad(lx, i, "is a number with more than 15 digits or 22 decimal places");
	t = take(lx, VR_TOK_NUMBER, i);
	t.number = value_of(d);
	return t;
}

static bool is_word(struct vr_str s, const char *word)
{
	size_t n = strlen(word);

	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((s.p[i] | 0x20) != word[i])
			return false;
	return true;
}

static struct vr_token lex_name(struct vr_lexer *lx)
{
	static const struct {
		const char *word;
		enum vr_tok kind;
	} words[] = {
		{"or", VR_TOK_OR},
		{"and", VR_TOK_AND},
		{"unless", VR_TOK_UNLESS},
	};
	size_t n = 1;
	enum vr_tok kind = VR_TOK_NAME;

	while (is_alpha(peek(lx, n)) || is_digit(peek(lx, n)))
		n++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word((struct vr_str){lx->text.p + lx->at, n}, words[i].word))
			kind = words[i].kind;
	return take(lx, kind, n);
}

static struct vr_token lex_string(struct vr_lexer *lx)
{
	char quote = peek(lx, 0);
	size_t n = 1;
	struct vr_token t;

	while (lx->at + n < lx->text.n && peek(lx, n) != quote && peek(lx, n) != '\n' && peek(lx, n) != '\\')
		n++;
	if (peek(lx, n) == '\\')
		return take_bad(lx, n + 1, "has a backslash: no window, action or channel needs one");
	if (lx->at + n >= lx->text.n || peek(lx, n) != quote)
		return take_bad(lx, n, "has no closing quote");
	t = take(lx, VR_TOK_STRING, n + 1);
	t.text = (struct vr_str){t.text.p + 1, n - 1};
	return t;
}

/* What PromQL has and this language has not: said by name. Longer spellings first. */
static const struct {
	const char *text, *why;
} refused[] = {
	{"=~", "is not supported: a label is matched with = only"},
	{"!~", "is not supported: a label is matched with = only"},
	{"%", "is not supported: there are + - * /"},
	{"^", "is not supported: there are + - * /"},
	{"@", "is not supported"},
	{"[", "is not supported: write the window as a label, for example shares{window=\"5m\"}"},
};
static const struct {
	const char *text;
	enum vr_tok kind;
} signs[] = {
	{"==", VR_TOK_EQ},
	{"!=", VR_TOK_NE},
	{"<=", VR_TOK_LE},
	{">=", VR_TOK_GE},
	{"<", VR_TOK_LT},
	{">", VR_TOK_GT},
	{"=", VR_TOK_ASSIGN},
	{"+", VR_TOK_ADD},
	{"-", VR_TOK_SUB},
	{"*", VR_TOK_MUL},
	{"/", VR_TOK_DIV},
	{"(", VR_TOK_LEFT_PAREN},
	{")", VR_TOK_RIGHT_PAREN},
	{"{", VR_TOK_LEFT_BRACE},
	{"}", VR_TOK_RIGHT_BRACE},
	{",", VR_TOK_COMMA},
};

static bool starts(const struct vr_lexer *lx, const char *text)
{
	size_t n = strlen(text);

	return lx->text.n - lx->at >= n && memcmp(lx->text.p + lx->at, text, n) == 0;
}

static struct vr_token lex_sign(struct vr_lexer *lx)
{
	size_t n = 1;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (starts(lx, refused[i].text))
			return take_bad(lx, strlen(refused[i].text), refused[i].why);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (starts(lx, signs[i].text))
			return take(lx, signs[i].kind, strlen(signs[i].text));
	while (((unsigned char)peek(lx, n) & 0xc0) == 0x80)
		n++;
	return take_bad(lx, n, "has no meaning here");
}

struct vr_token vr_lexer_next(struct vr_lexer *lx)
{
	char c;

	skip_blanks_and_comments(lx);
	if (lx->at >= lx->text.n)
		return (struct vr_token){.kind = VR_TOK_END, .at = lx->text.n};
	c = peek(lx, 0);
	if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))))
		return lex_number(lx);
	if (is_alpha(c))
		return lex_name(lx);
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(lx);
	return lex_sign(lx);
}
