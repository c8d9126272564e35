/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/err.h"

#define NAME_MAX_BYTES 24

struct row {
	char name[NAME_MAX_BYTES];
	const char *text;
	enum vr_verdict verdict;
};

/* err.def has upper-case identifiers, metrics want lower-case words; the preprocessor cannot
 * change case, but a constant initialiser can, a character at a time. */
#define AT(s, i) ((i) < sizeof(s) ? (s)[(i) < sizeof(s) ? (i) : 0] : '\0')
#define LOW(s, i) (char)(AT(s, i) >= 'A' && AT(s, i) <= 'Z' ? AT(s, i) + ('a' - 'A') : AT(s, i))
#define LOW4(s, i) LOW(s, i), LOW(s, (i) + 1), LOW(s, (i) + 2), LOW(s, (i) + 3)
#define LOW20(s, i) LOW4(s, i), LOW4(s, (i) + 4), LOW4(s, (i) + 8), LOW4(s, (i) + 12), LOW4(s, (i) + 16)
#define SKIP(s) ((s)[0] == 'E' && (s)[1] == '_' ? 2U : 0U)

static const struct row rows[] = {
#define VR_ERR(err, v, words) [VR_##err] = {{LOW20(#err, SKIP(#err))}, words, VR_VERDICT_##v},
#include "virality/err.def"
#undef VR_ERR
};

static const struct row *row_of(enum vr_err err)
{
	return &rows[(unsigned)err < _VR_ERR_MAX ? err : VR_E_BUG];
}

const char *vr_err_name(enum vr_err err)
{
	return row_of(err)->name;
}

const char *vr_err_text(enum vr_err err)
{
	return row_of(err)->text;
}

enum vr_verdict vr_err_verdict(enum vr_err err)
{
	return row_of(err)->verdict;
}
