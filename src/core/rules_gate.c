/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program over bounds instead of numbers: how many events must a content have had before the expression can be
 * present at all? Errs towards "none", which leaves nothing out. */
#include <math.h>
#include "rules_program.h"

/* A value is at least `low`, and at most add + times * (events ever counted of the actions `of`); it is present only
 * where at least need.least events of need.of were counted. */
struct bound {
	double low, add, times;
	uint32_t of;
	struct vr_rule_gate need;
};

static uint32_t bit(enum vr_action a) { return 1U << (unsigned)a; }

/* What is taken back was counted before: with the UNSHAREs a sum of shares never falls. */
static uint32_t ever(enum vr_action a)
{
	return a == VR_ACTION_SHARE ? bit(a) | bit(VR_ACTION_UNSHARE) : bit(a);
}

static bool is_count(const struct vr_term *t) { return t->metric == VR_METRIC_TOTAL || t->metric == VR_METRIC_WINDOW; }

static struct bound load(const struct vr_program *p, const struct vr_instr *in)
{
	struct bound b = {.low = 0, .add = INFINITY};

	if (in->op == VR_OP_NUMBER)
		b.low = b.add = p->numbers[in->arg];
	else if (is_count(&p->terms[in->arg]))
		b = (struct bound){.times = 1, .of = ever(p->terms[in->arg].action)};
	return b;
}

/* Both must hold: one of them is enough to leave something out, the higher one for more. */
static struct vr_rule_gate both(struct vr_rule_gate a, struct vr_rule_gate b) { return b.least > a.least ? b : a; }

static struct vr_rule_gate one_of(struct vr_rule_gate a, struct vr_rule_gate b)
{
	return (struct vr_rule_gate){.of = a.of | b.of, .least = a.least < b.least ? a.least : b.least};
}

static bool is_number(const struct bound *b) { return b->low == b->add && b->of == 0; }

static struct bound unknown(struct bound a, struct bound b)
{
	return (struct bound){.low = -INFINITY, .add = INFINITY, .need = both(a.need, b.need)};
}

static struct bound scale(struct bound a, double by)
{
	a.low *= by;
	a.add *= by;
	a.times *= by;
	return a;
}

static struct bound calculate(enum vr_op op, struct bound a, struct bound b)
{
	struct bound r = unknown(a, b);

	if (op == VR_OP_ADD) {
		r.low = a.low + b.low;
		r.add = a.add + b.add;
		r.times = a.of & b.of ? a.times + b.times : a.times > b.times ? a.times : b.times;
		r.of = a.of | b.of;
	} else if (op == VR_OP_SUB) {
		r.add = a.add - b.low;
		r.times = a.times;
		r.of = a.of;
	} else if (op == VR_OP_MUL && is_number(&b) && b.add > 0) {
		r = scale(a, b.add);
	} else if (op == VR_OP_MUL && is_number(&a) && a.add > 0) {
		r = scale(b, a.add);
	} else if (op == VR_OP_DIV && is_number(&b) && b.add > 0) {
		r = scale(a, 1 / b.add);
	}
	r.need = both(a.need, b.need);
	return r;
}

/* What must have been counted for `more` to reach what `less` is at least. */
static struct vr_rule_gate reach(struct bound more, struct bound less)
{
	double least = more.times > 0 ? (less.low - more.add) / more.times : 0;

	/* A little less: the quotient is rounded, a count is not. */
	least *= 1 - 1e-9;
	return least > 0 && isfinite(least) ? (struct vr_rule_gate){.of = more.of, .least = least} : (struct vr_rule_gate){0};
}

static struct bound compare(enum vr_op op, struct bound a, struct bound b)
{
	struct vr_rule_gate need = both(a.need, b.need);

	if (op == VR_OP_GT || op == VR_OP_GE || op == VR_OP_EQ)
		need = both(need, reach(a, b));
	if (op == VR_OP_LT || op == VR_OP_LE || op == VR_OP_EQ)
		need = both(need, reach(b, a));
	a.need = need;
	return a;
}

static struct bound combine(enum vr_op op, struct bound a, struct bound b)
{
	if (op == VR_OP_AND)
		a.need = both(a.need, b.need);
	if (op != VR_OP_OR)
		return a;
	struct bound r = unknown(a, b);
	r.need = one_of(a.need, b.need);
	return r;
}

static struct bound apply(enum vr_op op, struct bound a, struct bound b)
{
	if (vr_op_is_set(op))
		return combine(op, a, b);
	return vr_op_is_comparison(op) ? compare(op, a, b) : calculate(op, a, b);
}

static struct bound negate(struct bound a)
{
	struct bound r = unknown(a, a);

	r.add = -a.low;
	return r;
}

static struct vr_rule_gate need_of(const struct vr_program *p)
{
	struct bound stack[VR_STACK_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->n_code; i++) {
		const struct vr_instr *in = &p->code[i];
		if (in->op <= VR_OP_TERM) {
			stack[n++] = load(p, in);
		} else if (in->op == VR_OP_NEGATE) {
			stack[n - 1] = negate(stack[n - 1]);
		} else if (!vr_op_is_skip((enum vr_op)in->op)) {
			n--;
			stack[n - 1] = apply((enum vr_op)in->op, stack[n - 1], stack[n]);
		}
	}
	return stack[0].need;
}

static uint32_t moved_by(const struct vr_program *p)
{
	uint32_t by = 0;

	for (size_t i = 0; i < p->n_terms; i++)
		by |= is_count(&p->terms[i]) ? ever(p->terms[i].action) : ever(VR_ACTION_SHARE);
	return by;
}

struct vr_rule_gate vr_program_gate(const struct vr_program *expr, const struct vr_program *reset)
{
	struct vr_rule_gate gate = need_of(expr);

	gate.by = moved_by(expr) | moved_by(reset);
	gate.by_time = vr_program_may_begin_by_falling(expr);
	return gate;
}
