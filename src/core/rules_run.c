/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "rules_program.h"

/* A value of the language: a number, or nothing. */
struct value {
	bool present;
	double v;
};

static bool compare(enum vr_op op, double a, double b)
{
	switch (op) {
	case VR_OP_EQ:
		return a == b;
	case VR_OP_NE:
		return a != b;
	case VR_OP_LT:
		return a < b;
	case VR_OP_LE:
		return a <= b;
	case VR_OP_GT:
		return a > b;
	default:
		return a >= b;
	}
}

static double calculate(enum vr_op op, double a, double b)
{
	switch (op) {
	case VR_OP_ADD:
		return a + b;
	case VR_OP_SUB:
		return a - b;
	case VR_OP_MUL:
		return a * b;
	default:
		return a / b;
	}
}

static struct value apply(enum vr_op op, struct value a, struct value b)
{
	if (op == VR_OP_OR)
		return a.present ? a : b;
	if (op == VR_OP_AND)
		a.present &= b.present;
	else if (op == VR_OP_UNLESS)
		a.present &= !b.present;
	else if (!a.present || !b.present)
		a.present = false;
	else if (vr_op_is_comparison(op))
		a.present = compare(op, a.v, b.v);
	else
		a.v = calculate(op, a.v, b.v);
	return a;
}

static double or_nan(struct value x)
{
	return x.present ? x.v : (double)NAN;
}

static struct value load(
	const struct vr_program *p, const struct vr_instr *in, vr_term_value_f *value, const void *entity)
{
	struct value x = {.present = true};

	if (in->op == VR_OP_NUMBER)
		x.v = p->numbers[in->arg];
	else
		x.present = value(entity, &p->terms[in->arg], &x.v);
	return x;
}

struct vr_judged vr_program_run(const struct vr_program *p, vr_term_value_f *value, const void *entity)
{
	struct value stack[VR_STACK_MAX];
	struct vr_judged j = {.value = (double)NAN, .threshold = (double)NAN};
	size_t n = 0;

	for (size_t i = 0; i < p->n_code; i++) {
		const struct vr_instr *in = &p->code[i];
		if (in->op <= VR_OP_TERM) {
			stack[n++] = load(p, in, value, entity);
			continue;
		}
		if (vr_op_is_skip((enum vr_op)in->op)) {
			i += stack[n - 1].present == (in->op == VR_OP_SKIP_IF_PRESENT) ? in->arg : 0;
			continue;
		}
		if (in->op == VR_OP_NEGATE) {
			stack[n - 1].v = -stack[n - 1].v;
			continue;
		}
		n--;
		if (in->first) {
			j.value = or_nan(stack[n - 1]);
			j.threshold = or_nan(stack[n]);
		}
		stack[n - 1] = apply((enum vr_op)in->op, stack[n - 1], stack[n]);
	}
	j.present = stack[0].present;
	return j;
}
