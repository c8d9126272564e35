/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_program.h - an expression compiled to postfix, and what may be asked of it.
 *
 * Picture:   shares{window="5m"} > 2 * likes{window="5m"}
 *            TERM 0 | NUMBER 0 | TERM 1 | MUL | GT first
 *            A side of `and`, `or`, `unless` that cannot matter any more is passed by: SKIP stands before it.
 * Invariant: never more than VR_STACK_MAX values on the stack; ends with exactly one.
 * Values:    a number or absent. Arithmetic: absent if a side is. A comparison that is false is
 *            absent, else its left side. and: left if right is present; or: left, else right;
 *            unless: left if right is absent.
 * Ownership: a program's arrays lie in its set's arena; a channel in a term too.
 * Threads:   immutable once made.                                                              */
#include "rules_lex.h"
#include "rules_say.h"
#include "virality/arena.h"

enum { VR_STACK_MAX = 64, VR_CODE_MAX = 512, VR_ARGS_MAX = 128, VR_NESTING_MAX = 40 };

enum vr_op {
	VR_OP_NUMBER, VR_OP_TERM, VR_OP_NEGATE,
	VR_OP_OR, VR_OP_AND, VR_OP_UNLESS,
	VR_OP_EQ, VR_OP_NE, VR_OP_LT, VR_OP_LE, VR_OP_GT, VR_OP_GE,
	VR_OP_ADD, VR_OP_SUB, VR_OP_MUL, VR_OP_DIV,
	VR_OP_SKIP_IF_ABSENT, VR_OP_SKIP_IF_PRESENT,
};
static inline bool vr_op_is_skip(enum vr_op op) { return op >= VR_OP_SKIP_IF_ABSENT; }
static inline bool vr_op_is_set(enum vr_op op) { return op >= VR_OP_OR && op <= VR_OP_UNLESS; }
static inline bool vr_op_is_comparison(enum vr_op op) { return op >= VR_OP_EQ && op <= VR_OP_GE; }

struct vr_instr {
	uint8_t op;
	uint8_t first;			/* 1: the first comparison in reading order */
	uint16_t arg;			/* index into numbers or terms; of a SKIP: how many instructions */
};

struct vr_program {
	const struct vr_instr *code;
	const double *numbers;
	const struct vr_term *terms;
	uint16_t n_code, n_numbers, n_terms;
};

/* A program in the making, of fixed size: what is larger is refused. */
struct vr_draft {
	struct vr_instr code[VR_CODE_MAX];
	double numbers[VR_ARGS_MAX];
	struct vr_term terms[VR_ARGS_MAX];
	uint16_t n_code, n_numbers, n_terms;
};

/* One expression's place in the world, for parser and selectors. */
struct vr_parser {
	struct vr_lexer lexer;
	struct vr_token token;		/* the next one, not yet taken */
	struct vr_pos start;
	const struct vr_windows *windows;
	struct vr_rule_errors *errors;
	struct vr_draft *draft;
	unsigned nesting, height;
	bool broken;			/* syntax lost: nothing further can be said */
	bool compared;			/* a comparison was seen */
};

/** Parse and check text; every mistake goes to *errors. True when there was none. */
bool vr_draft_parse(struct vr_draft *draft, struct vr_str text, struct vr_pos start, const struct vr_windows *windows,
	struct vr_rule_errors *errors);
/** Copy to the arena. */
VR_MUST enum vr_err vr_draft_keep(const struct vr_draft *draft, struct vr_arena *arena, struct vr_program *ret);
/** Could the expression become true by time alone, that is by counts leaving their windows? */
bool vr_program_may_begin_by_falling(const struct vr_program *program);
/** reset: empty when there is none. */
struct vr_rule_gate vr_program_gate(const struct vr_program *expr, const struct vr_program *reset);
struct vr_judged vr_program_run(const struct vr_program *program, vr_term_value_f *value, const void *entity);

/* Between the files of the parser (rules_parse.c, rules_select.c, rules_token.c). */
void vr_parser_advance(struct vr_parser *p);
/** The token has no place here; expected says what has. */
void vr_parser_unexpected(struct vr_parser *p, const char *expected);
struct vr_pos vr_parser_pos(const struct vr_parser *p, size_t at);
/** Nothing more can be said of the text: the token is its end. */
void vr_parser_give_up(struct vr_parser *p);
/** A metric with its labels, from a VR_TOK_NAME on. A wrong one is said and yields a term that is never run. */
struct vr_term vr_parser_selector(struct vr_parser *p);
