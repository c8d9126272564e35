/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tests/golden/codec: a record by its parts, then what must come of it.
 *
 *   case: NAME                begins a case; the record has a key "k" and an empty value
 *   no-key, null-value        null instead
 *   header: NAME = TEXT       header-hex: NAME = HEX
 *   value: TEXT               value-hex: HEX, which may go on in further lines
 *   unknown-fields: N         unknown-enums: N, how many must be counted
 *   event: JSON               the event, as vr_codec_event_json writes it;
 *   tombstone, tick           or another kind;
 *   error: NAME WHERE         or a refusal, and what it points at. Ends the case.            */
#include <stdio.h>
#include <stdlib.h>
#include "unit.h"
#include "virality/codec.h"

#define HEADERS_MAX 8
#define NOT_SAID UINT64_MAX

struct scene {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_buf value, out;
	struct vr_str name;
	struct vr_raw raw;
	struct vr_header headers[HEADERS_MAX];
	uint64_t unknown_fields, unknown_enums;
	size_t n, failed;
};

static bool take_word(struct vr_str *line, const char *word)
{
	size_t n = strlen(word);

	if (line->n < n || memcmp(line->p, word, n) != 0)
		return false;
	*line = (struct vr_str){line->p + n, line->n - n};
	return true;
}

static int digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static struct vr_str unhex(struct scene *sc, struct vr_str hex)
{
	char *p = vr_arena_alloc(&sc->arena, hex.n / 2);

	assert_non_null(p);
	for (size_t i = 0; i < hex.n / 2; i++)
		p[i] = (char)(digit(hex.p[2 * i]) << 4 | digit(hex.p[2 * i + 1]));
	return (struct vr_str){p, hex.n / 2};
}

static void begin(struct scene *sc, struct vr_str name)
{
	vr_arena_reset(&sc->arena);
	vr_buf_clear(&sc->value);
	vr_buf_clear(&sc->out);
	sc->name = name;
	sc->raw = (struct vr_raw){.key = VR_STR("k"), .has_key = true, .has_value = true, .headers = sc->headers};
	sc->unknown_fields = sc->unknown_enums = NOT_SAID;
}

static void add_header(struct scene *sc, struct vr_str line, bool hex)
{
	const char *is = memmem(line.p, line.n, " = ", 3);
	struct vr_header *h = &sc->headers[sc->raw.n_headers++];

	assert_non_null(is);
	assert_true(sc->raw.n_headers <= HEADERS_MAX);
	h->name = (struct vr_str){line.p, (size_t)(is - line.p)};
	h->value = (struct vr_str){is + 3, line.n - h->name.n - 3};
	h->has_value = true;
	if (hex)
		h->value = unhex(sc, h->value);
}

/* What came of the record, in the words of the file. */
static void tell(struct scene *sc, enum vr_err err, const struct vr_diag *d, enum vr_raw_kind kind,
	const struct vr_event *ev)
{
	if (err) {
		vr_buf_c(&sc->out, "error: ");
		vr_buf_c(&sc->out, vr_err_name(err));
		vr_buf_byte(&sc->out, ' ');
		vr_buf_c(&sc->out, d->where);
	} else if (kind == VR_RAW_EVENT) {
		vr_buf_c(&sc->out, "event: ");
		vr_codec_event_json(ev, &sc->out);
	} else {
		vr_buf_c(&sc->out, kind == VR_RAW_TICK ? "tick" : "tombstone");
	}
}

static bool counts_as(uint64_t said, uint64_t counted)
{
	return said == NOT_SAID || said == counted;
}

static void judge(struct scene *sc, struct vr_str expected)
{
	struct vr_codec_stats stats = {0};
	struct vr_diag d = {"", ""};
	struct vr_event ev;
	enum vr_raw_kind kind = VR_RAW_EVENT;
	enum vr_err err;

	sc->raw.value = sc->raw.has_value ? vr_buf_str(&sc->value) : (struct vr_str){NULL, 0};
	err = vr_codec_event(&sc->raw, &sc->arena, &stats, &ev, &kind, &d);
	tell(sc, err, &d, kind, &ev);
	sc->n++;
	if (vr_str_eq(vr_buf_str(&sc->out), expected) && counts_as(sc->unknown_fields, stats.unknown_fields) &&
		counts_as(sc->unknown_enums, stats.unknown_enums) && (!err || *d.text))
		return;
	sc->failed++;
	print_error("case: %.*s\n  expected %.*s\n  found    %.*s (%s)\n", (int)sc->name.n, sc->name.p,
		(int)expected.n, expected.p, (int)sc->out.n, sc->out.p, d.text);
}

static void take_line(struct scene *sc, struct vr_str line)
{
	struct vr_str whole = line;

	if (line.n == 0 || line.p[0] == '#')
		return;
	if (take_word(&line, "case: "))
		begin(sc, line);
	else if (take_word(&line, "no-key"))
		sc->raw.has_key = false;
	else if (take_word(&line, "null-value"))
		sc->raw.has_value = false;
	else if (take_word(&line, "header: "))
		add_header(sc, line, false);
	else if (take_word(&line, "header-hex: "))
		add_header(sc, line, true);
	else if (take_word(&line, "value: "))
		vr_buf_str_add(&sc->value, line);
	else if (take_word(&line, "value-hex: "))
		vr_buf_str_add(&sc->value, unhex(sc, line));
	else if (take_word(&line, "unknown-fields: "))
		sc->unknown_fields = strtoull(line.p, NULL, 10);
	else if (take_word(&line, "unknown-enums: "))
		sc->unknown_enums = strtoull(line.p, NULL, 10);
	else
		judge(sc, whole);
}

static void take_file(struct scene *sc, const char *name)
{
	char path[512], *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/golden/codec/%s", VR_TESTS_DIR, name);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		/* Header names and values stay for the case: keep the line. */
		struct vr_str kept;
		assert_int_equal(
			vr_arena_dup(&sc->arena, (struct vr_str){line, (size_t)n - (line[n - 1] == '\n')}, &kept), VR_OK);
		take_line(sc, kept);
	}
	free(line);
	(void)fclose(f);
}

static void golden(void **state)
{
	static const char *const files[] = {
		"protobuf.txt", "confluent.txt", "cloudevents.txt", "json.txt", "refused.txt"};
	struct scene sc = {.mem = vr_mem_heap()};

	(void)state;
	vr_arena_init(&sc.arena, &sc.mem, 0);
	vr_buf_init(&sc.value, &sc.mem);
	vr_buf_init(&sc.out, &sc.mem);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t before = sc.n;
		take_file(&sc, files[i]);
		assert_true(sc.n > before);
	}
	vr_buf_done(&sc.value);
	vr_buf_done(&sc.out);
	vr_arena_done(&sc.arena);
	print_message("%zu cases\n", sc.n);
	assert_int_equal(sc.failed, 0);
	assert_int_equal(sc.mem.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
