/* SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

enum how { NOTHING, ONCE, BY_N };

/* What a note counts, and what it says. A note that says nothing has no text. */
static const struct what {
	struct { enum how how; enum vr_m metric; } counts[2];
	enum vr_event_id event;
	const char *text;		/* then n, when there is an `after`; then the note's own text */
	const char *after;
} whats[VR_NOTES] = {
	[VR_NOTE_ACQUIRED] = {.event = VR_EV_PARTITION, .text = "goes on at offset ", .after = ""},
	[VR_NOTE_BEGAN] = {.event = VR_EV_BEGAN, .text = "begins at offset ", .after = ""},
	[VR_NOTE_CUT] = {{{ONCE, VR_M_CUTS}, {BY_N, VR_M_FLUSH_COMMANDS}}},
	[VR_NOTE_OVERSIZE] = {{{ONCE, VR_M_CUT_OVERSIZE}}, VR_EV_CUT_OVERSIZE, "", " bytes"},
	[VR_NOTE_FOLDED] = {{{BY_N, VR_M_EVENTS}, {BY_N, VR_M_FOLDED}}},
	[VR_NOTE_DUPLICATE] = {{{ONCE, VR_M_EVENTS}, {ONCE, VR_M_DUPLICATES}}},
	[VR_NOTE_PASSED] = {{{ONCE, VR_M_EVENTS}}},
	[VR_NOTE_LATE] = {{{ONCE, VR_M_LATE}}},
	[VR_NOTE_CLOCK_AHEAD] = {{{ONCE, VR_M_CLOCK_AHEAD}}},
	[VR_NOTE_UNCHECKED] = {{{ONCE, VR_M_UNCHECKED}}},
	[VR_NOTE_MISKEYED] = {{{ONCE, VR_M_MISKEYED}}, VR_EV_MISKEYED,
		"an event of a content whose home is another partition; key records by content_id"},
	[VR_NOTE_REFUSED] = {{{ONCE, VR_M_EVENTS}}, VR_EV_REFUSED, "offset ", ": "},
	[VR_NOTE_GAP] = {{{BY_N, VR_M_GAP}}, VR_EV_GAP, "", " records are gone; "},
	[VR_NOTE_VIEW_ERROR] = {{{ONCE, VR_M_VIEW_ERRORS}}, VR_EV_VIEW_ERROR, ""},
	[VR_NOTE_RULES] = {.event = VR_EV_RULES_ADOPTED, .text = "rule set ", .after = ""},
	[VR_NOTE_ALERT] = {{{ONCE, VR_M_ANNOUNCED}}},
	[VR_NOTE_COMPLETE] = {.event = VR_EV_COMPLETE, .text = "all contents are in memory"},
	[VR_NOTE_DEAD_LETTER] = {{{ONCE, VR_M_DLQ}}},
};

static void say_note(struct vr_logger *log, const struct vr_topic_part *part, const struct what *w,
	enum vr_err err, int64_t n, const char *text)
{
	struct vr_log_about about = {.topic = part->topic, .partition = part->partition, .err = err};
	if (w->after)
		vr_log(log, w->event, &about, "%s%lld%s%s", w->text, (long long)n, w->after, text);
	else
		vr_log(log, w->event, &about, "%s%s", w->text, text);
}

void vr_note_tell(struct vr_logger *log, struct vr_metrics *metrics, int worker, const struct vr_topic_part *part, enum vr_note note,
	enum vr_err err, int64_t n, const char *text)
{
	const struct what *w = &whats[note];
	for (size_t i = 0; i < sizeof(w->counts) / sizeof(w->counts[0]); i++) {
		uint64_t by = w->counts[i].how == BY_N ? (uint64_t)n : 1;
		if (w->counts[i].how != NOTHING)
			vr_metric_add(metrics, worker, w->counts[i].metric, by);
	}
	if (note == VR_NOTE_REFUSED)
		vr_metric_add_at(metrics, worker, VR_M_REJECTED, err, 1);
	if (w->text)
		say_note(log, part, w, err, n, text);
}
