/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* model.h - what a store holds, as plain rows: words joined by an unprintable separator -> bytes.
 *
 * Picture:   slot|0|content|<id> -> state        c|<id>|shares_total -> "3"        ts|<id>|<minute> -> text
 * Ownership: copies keys and values.   Threads: one owner.   Fails: by ending the program.         */
#include "virality/buf.h"
#include "virality/map.h"

enum { MODEL_SEPARATOR = 0x1f };
struct model_row { struct vr_str key, value; };
struct model { struct vr_map map; struct vr_mem mem; };

void model_init(struct model *m);
void model_done(struct model *m);
/** n words to a key in *b. */
struct vr_str model_key(struct vr_buf *b, const struct vr_str *words, size_t n);
void model_set(struct model *m, struct vr_str key, struct vr_str value);
void model_append(struct model *m, struct vr_str key, struct vr_str value);
void model_del(struct model *m, struct vr_str key);
/** All keys that begin so. */
void model_del_prefix(struct model *m, struct vr_str prefix);
/** NULL: none. */
const struct vr_str *model_get(const struct model *m, struct vr_str key);
/** Rows whose keys begin so, sorted by key; their array is the caller's to free. */
struct model_row **model_rows(const struct model *m, struct vr_str prefix, size_t *ret_n);
/** The i-th word of a key. */
struct vr_str model_word(struct vr_str key, unsigned i);
bool model_begins(struct vr_str s, struct vr_str prefix);
void model_copy(struct model *to, const struct model *from);
