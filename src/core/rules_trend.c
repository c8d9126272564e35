/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program over directions instead of numbers: which way can a value move while no record
 * comes, that is while buckets leave their windows? Errs towards "it may". */
#include "rules_program.h"

struct trend {
	bool rises, falls;      /* the number may, by time alone */
	bool appears, vanishes; /* it may become present, absent */
	bool below_zero;        /* it may be negative */
};

static struct trend reverse(struct trend t)
{
	bool rises = t.rises;

	t.rises = t.falls;
	t.falls = rises;
	return t;
}

static struct trend either(struct trend a, struct trend b)
{
	return (struct trend){
		.rises = a.rises || b.rises,
		.falls = a.falls || b.falls,
		.appears = a.appears || b.appears,
		.vanishes = a.vanishes || b.vanishes,
		.below_zero = a.below_zero || b.below_zero,
	};
}

static struct trend anyway(struct trend t)
{
	t.rises = t.falls = t.rises || t.falls;
	return t;
}

static struct trend load(const struct vr_program *p, const struct vr_instr *in)
{
	enum vr_metric m;

	if (in->op == VR_OP_NUMBER)
		return (struct trend){.below_zero = p->numbers[in->arg] < 0};
	m = p->terms[in->arg].metric;
	return (struct trend){.falls = m == VR_METRIC_WINDOW || m == VR_METRIC_SHARE_VELOCITY};
}

static struct trend calculate(enum vr_op op, struct trend a, struct trend b)
{
	struct trend t = either(a, op == VR_OP_SUB || op == VR_OP_DIV ? reverse(b) : b);

	if (op == VR_OP_SUB)
		t.below_zero = true;
	else if (op != VR_OP_ADD && (a.below_zero || b.below_zero))
		t = anyway(t);
	return t;
}

static struct trend compare(enum vr_op op, struct trend a, struct trend b)
{
	struct trend gap = either(a, reverse(b)); /* of left - right */
	struct trend t = a;

	if (op == VR_OP_EQ || op == VR_OP_NE)
		gap = anyway(gap);
	else if (op == VR_OP_LT || op == VR_OP_LE)
		gap = reverse(gap);
	t.appears = gap.appears || gap.rises;
	t.vanishes = gap.vanishes || gap.falls;
	return t;
}

static struct trend combine(enum vr_op op, struct trend a, struct trend b)
{
	struct trend t = a;

	if (op == VR_OP_OR) {
		bool changes_side = a.appears || a.vanishes;
		t = either(a, b);
		t.rises |= changes_side;
		t.falls |= changes_side;
		return t;
	}
	t.appears |= op == VR_OP_AND ? b.appears : b.vanishes;
	t.vanishes |= op == VR_OP_AND ? b.vanishes : b.appears;
	return t;
}

static struct trend apply(enum vr_op op, struct trend a, struct trend b)
{
	if (vr_op_is_set(op))
		return combine(op, a, b);
	return vr_op_is_comparison(op) ? compare(op, a, b) : calculate(op, a, b);
}

bool vr_program_may_begin_by_falling(const struct vr_program *p)
{
	struct trend stack[VR_STACK_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->n_code; i++) {
		const struct vr_instr *in = &p->code[i];
		if (in->op <= VR_OP_TERM) {
			stack[n++] = load(p, in);
		} else if (in->op == VR_OP_NEGATE) {
			stack[n - 1] = reverse(stack[n - 1]);
			stack[n - 1].below_zero = true;
		} else if (!vr_op_is_skip((enum vr_op)in->op)) {
			n--;
			stack[n - 1] = apply((enum vr_op)in->op, stack[n - 1], stack[n]);
		}
	}
	return stack[0].appears;
}
