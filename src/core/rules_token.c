/* SPDX-License-Identifier: Apache-2.0 */
/* rules_token.c - the parser's token: the next one, where it stands, and that it has no place there. */
#include "rules_program.h"

struct vr_pos vr_parser_pos(const struct vr_parser *p, size_t at)
{
	return vr_rules_pos_in(p->start, p->lexer.text, at);
}

void vr_parser_give_up(struct vr_parser *p)
{
	p->broken = true;
	p->token = (struct vr_token){.kind = VR_TOK_END, .at = p->lexer.text.n};
	p->lexer.at = p->lexer.text.n;
}

void vr_parser_unexpected(struct vr_parser *p, const char *expected)
{
	struct vr_pos pos = vr_parser_pos(p, p->token.at);

	if (p->broken)
		return;
	if (p->token.kind == VR_TOK_END)
		vr_rules_say(p->errors, pos, "the expression ends here; expected %s", expected);
	else
		vr_rules_say(p->errors, pos, "found %q; expected %s", p->token.text, expected);
	vr_parser_give_up(p);
}

void vr_parser_advance(struct vr_parser *p)
{
	if (p->broken)
		return;
	p->token = vr_lexer_next(&p->lexer);
	if (p->token.kind != VR_TOK_BAD)
		return;
	vr_rules_say(p->errors, vr_parser_pos(p, p->token.at), "%q %s", p->token.text, p->token.why);
	vr_parser_give_up(p);
}
