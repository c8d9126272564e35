/* SPDX-License-Identifier: Apache-2.0 */
/* Precedence climbing over the operators of PromQL: or < and, unless < comparisons < + - < * / < unary. */
#include "rules_program.h"

#define PRECEDENCE_MIN 1

/* What is known of a subexpression without running it. */
struct kind {
	bool number;      /* made of numbers only: a scalar, as PromQL says */
	bool conditional; /* a comparison decides whether it is present */
};

static const struct {
	enum vr_tok tok;
	enum vr_op op;
	int precedence;
} operators[] = {
	{VR_TOK_OR, VR_OP_OR, 1},
	{VR_TOK_AND, VR_OP_AND, 2},
	{VR_TOK_UNLESS, VR_OP_UNLESS, 2},
	{VR_TOK_EQ, VR_OP_EQ, 3},
	{VR_TOK_NE, VR_OP_NE, 3},
	{VR_TOK_LT, VR_OP_LT, 3},
	{VR_TOK_LE, VR_OP_LE, 3},
	{VR_TOK_GT, VR_OP_GT, 3},
	{VR_TOK_GE, VR_OP_GE, 3},
	{VR_TOK_ADD, VR_OP_ADD, 4},
	{VR_TOK_SUB, VR_OP_SUB, 4},
	{VR_TOK_MUL, VR_OP_MUL, 5},
	{VR_TOK_DIV, VR_OP_DIV, 5},
};

static struct kind parse_binary(struct vr_parser *p, int precedence);

static void too_large(struct vr_parser *p)
{
	if (!p->broken)
		vr_rules_say(p->errors, vr_parser_pos(p, p->token.at),
			"the expression is too large: at most %u levels of nesting, %u metrics and %u operations",
			(size_t)VR_NESTING_MAX, (size_t)VR_ARGS_MAX, (size_t)VR_CODE_MAX);
	vr_parser_give_up(p);
}

static void emit(struct vr_parser *p, enum vr_op op, bool first, uint16_t arg)
{
	struct vr_draft *d = p->draft;

	if (op == VR_OP_NUMBER || op == VR_OP_TERM)
		p->height++;
	else if (op != VR_OP_NEGATE && !vr_op_is_skip(op))
		p->height--;
	if (d->n_code == VR_CODE_MAX || p->height > VR_STACK_MAX)
		too_large(p);
	else
		d->code[d->n_code++] = (struct vr_instr){.op = (uint8_t)op, .first = first, .arg = arg};
}

static struct kind parse_number(struct vr_parser *p)
{
	struct vr_draft *d = p->draft;

	if (d->n_numbers == VR_ARGS_MAX) {
		too_large(p);
		return (struct kind){.number = true};
	}
	d->numbers[d->n_numbers++] = p->token.number;
	vr_parser_advance(p);
	emit(p, VR_OP_NUMBER, false, (uint16_t)(d->n_numbers - 1));
	return (struct kind){.number = true};
}

static struct kind parse_selector(struct vr_parser *p)
{
	struct vr_draft *d = p->draft;

	if (d->n_terms == VR_ARGS_MAX) {
		too_large(p);
		return (struct kind){0};
	}
	d->terms[d->n_terms++] = vr_parser_selector(p);
	emit(p, VR_OP_TERM, false, (uint16_t)(d->n_terms - 1));
	return (struct kind){0};
}

static struct kind parse_parens(struct vr_parser *p)
{
	struct kind k;

	vr_parser_advance(p);
	k = parse_binary(p, PRECEDENCE_MIN);
	if (p->token.kind != VR_TOK_RIGHT_PAREN)
		vr_parser_unexpected(p, "an operator or `)`");
	vr_parser_advance(p);
	return k;
}

static struct kind parse_unary(struct vr_parser *p);

static struct kind parse_signed(struct vr_parser *p)
{
	bool minus = p->token.kind == VR_TOK_SUB;
	struct kind k;

	vr_parser_advance(p);
	k = parse_unary(p);
	if (minus)
		emit(p, VR_OP_NEGATE, false, 0);
	return k;
}

static struct kind parse_unary(struct vr_parser *p)
{
	struct kind k = {0};

	if (++p->nesting > VR_NESTING_MAX)
		too_large(p);
	else if (p->token.kind == VR_TOK_SUB || p->token.kind == VR_TOK_ADD)
		k = parse_signed(p);
	else if (p->token.kind == VR_TOK_LEFT_PAREN)
		k = parse_parens(p);
	else if (p->token.kind == VR_TOK_NUMBER)
		k = parse_number(p);
	else if (p->token.kind == VR_TOK_NAME)
		k = parse_selector(p);
	else
		vr_parser_unexpected(p, "a metric, a number or `(`");
	p->nesting--;
	return k;
}

static struct kind combine(
	struct vr_parser *p, const struct vr_token *t, enum vr_op op, struct kind a, struct kind b)
{
	struct kind k = {.number = a.number && b.number, .conditional = a.conditional || b.conditional};
	struct vr_pos pos = vr_parser_pos(p, t->at);

	if (p->broken)
		return k;
	if (vr_op_is_set(op) && (a.number || b.number))
		vr_rules_say(
			p->errors, pos, "a side of %q is a plain number; expected a comparison or a metric", t->text);
	if (vr_op_is_comparison(op) && k.number)
		vr_rules_say(
			p->errors, pos, "both sides of %q are plain numbers; expected a metric on one side", t->text);
	if (op == VR_OP_OR)
		k.conditional = a.conditional && b.conditional;
	if (vr_op_is_comparison(op))
		k = (struct kind){.conditional = true};
	return k;
}

static int find_operator(enum vr_tok tok)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].tok == tok)
			return (int)i;
	return -1;
}

/* Before the right side of `and`, `or`, `unless`: passes it by when the left side has decided. */
static struct vr_instr *emit_skip(struct vr_parser *p, enum vr_op op)
{
	if (!vr_op_is_set(op))
		return NULL;
	emit(p, op == VR_OP_OR ? VR_OP_SKIP_IF_PRESENT : VR_OP_SKIP_IF_ABSENT, false, 0);
	return p->broken ? NULL : &p->draft->code[p->draft->n_code - 1];
}

/* What the first comparison compares is shown also where it is false: it is never passed by. */
static void aim_skip(const struct vr_parser *p, struct vr_instr *skip, bool compared)
{
	if (skip && compared)
		skip->arg = (uint16_t)(&p->draft->code[p->draft->n_code] - skip - 1);
}

static struct kind parse_binary(struct vr_parser *p, int precedence)
{
	struct kind left = parse_unary(p);
	int i;

	while ((i = find_operator(p->token.kind)) >= 0 && operators[i].precedence >= precedence) {
		struct vr_token t = p->token;
		enum vr_op op = operators[i].op;
		bool first = vr_op_is_comparison(op) && !p->compared;

		p->compared |= first;
		bool compared = p->compared;
		struct vr_instr *skip = emit_skip(p, op);
		vr_parser_advance(p);
		left = combine(p, &t, op, left, parse_binary(p, operators[i].precedence + 1));
		emit(p, op, first, 0);
		aim_skip(p, skip, compared);
	}
	return left;
}

static void check_whole(struct vr_parser *p, struct kind k)
{
	if (!p->broken && p->token.kind != VR_TOK_END)
		vr_parser_unexpected(p, "an operator or the end of the expression");
	else if (!p->broken && !p->compared)
		vr_rules_say(p->errors, p->start,
			"the expression has no comparison, so it would always be true; "
			"expected for example shares_total > 100");
	else if (!p->broken && !k.conditional)
		vr_rules_say(p->errors, p->start,
			"one side of `or` has no comparison, so the expression would always "
			"be true");
}

bool vr_draft_parse(struct vr_draft *draft, struct vr_str text, struct vr_pos start,
	const struct vr_windows *windows, struct vr_rule_errors *errors)
{
	struct vr_parser p = {
		.lexer = {.text = text}, .start = start, .windows = windows, .errors = errors, .draft = draft};
	size_t before = errors->n;

	draft->n_code = draft->n_numbers = draft->n_terms = 0;
	vr_parser_advance(&p);
	check_whole(&p, parse_binary(&p, PRECEDENCE_MIN));
	return errors->n == before;
}

static enum vr_err keep_terms(const struct vr_draft *draft, struct vr_arena *arena, struct vr_program *p)
{
	struct vr_term *terms = vr_arena_alloc(arena, draft->n_terms * sizeof(*terms));
	enum vr_err err = terms ? VR_OK : VR_E_NOMEM;

	for (size_t i = 0; i < draft->n_terms && err == VR_OK; i++) {
		terms[i] = draft->terms[i];
		err = vr_arena_dup(arena, draft->terms[i].channel, &terms[i].channel);
	}
	p->terms = terms;
	p->n_terms = draft->n_terms;
	return err;
}

enum vr_err vr_draft_keep(const struct vr_draft *draft, struct vr_arena *arena, struct vr_program *ret)
{
	struct vr_program p = {.n_code = draft->n_code, .n_numbers = draft->n_numbers};
	struct vr_instr *code = vr_arena_alloc(arena, p.n_code * sizeof(*code));
	double *numbers = vr_arena_alloc(arena, p.n_numbers * sizeof(*numbers));
	enum vr_err err;

	if (!code || !numbers)
		return VR_E_NOMEM;
	memcpy(code, draft->code, p.n_code * sizeof(*code));
	memcpy(numbers, draft->numbers, p.n_numbers * sizeof(*numbers));
	p.code = code;
	p.numbers = numbers;
	err = keep_terms(draft, arena, &p);
	if (err == VR_OK)
		*ret = p;
	return err;
}
