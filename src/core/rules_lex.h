/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_lex.h - an expression's text as tokens, one at a time, without allocation.
 *
 * Ownership: tokens borrow the text.   Threads: one owner.   Fails: a VR_TOK_BAD says why. */
#include <stdint.h>
#include "virality/str.h"

enum vr_tok {
	VR_TOK_END, VR_TOK_BAD, VR_TOK_NUMBER, VR_TOK_NAME, VR_TOK_STRING,
	VR_TOK_LEFT_PAREN, VR_TOK_RIGHT_PAREN, VR_TOK_LEFT_BRACE, VR_TOK_RIGHT_BRACE, VR_TOK_COMMA, VR_TOK_ASSIGN,
	VR_TOK_OR, VR_TOK_AND, VR_TOK_UNLESS,
	VR_TOK_EQ, VR_TOK_NE, VR_TOK_LT, VR_TOK_LE, VR_TOK_GT, VR_TOK_GE,
	VR_TOK_ADD, VR_TOK_SUB, VR_TOK_MUL, VR_TOK_DIV,
};

struct vr_token {
	enum vr_tok kind;
	size_t at;			/* offset of its first byte */
	struct vr_str text;		/* as written; a string's without its quotes */
	double number;			/* of VR_TOK_NUMBER */
	const char *why;		/* of VR_TOK_BAD: what is wrong with it */
};

struct vr_lexer { struct vr_str text; size_t at; };

/** The next token; VR_TOK_END for ever at the end. */
struct vr_token vr_lexer_next(struct vr_lexer *lx);
