/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include "clock.h"
#include "out.h"
#include "virality/progress.h"
#include "virality/import.h"

#define SPEED_MAX 1e9

struct import_run {
	struct vr_ctl_peers peers;
	const char *speed_text, *content_type;
	double speed;			/* times real time; 0: as fast as it goes */
	int format;
	bool dry_run, json, no_progress, has_offset;
	int64_t time_offset_ms;
	struct vr_import *imp;
	struct vr_ctl_out out;
	struct vr_progress progress;
	struct vr_wall first;		/* event time of the first event */
	struct vr_mono begun;
	bool stopped;
};

#define AT(field) offsetof(struct import_run, field)
static const struct vr_ctl_option options[] = {
	{"speed", 's', VR_CTL_TEXT, AT(speed_text), "1|N|max", "times real time (max)", 0, 0, 0},
	{"format", 'f', VR_CTL_CHOICE, AT(format), "protobuf|json",
		"how events are written to the topic (protobuf)", 0, 0, 0},
	{"time-offset", 0, VR_CTL_SIGNED, AT(time_offset_ms), "MS", "add this to every time, instead of guessing",
		0, 0, AT(has_offset)},
	{"content-type", 0, VR_CTL_TEXT, AT(content_type), "TYPE", "content_type of all contents (none)", 0, 0,
		0},
	{"dry-run", 'n', VR_CTL_FLAG, AT(dry_run), NULL, "read and check everything, send nothing", 0, 0, 0},
	{"json", 0, VR_CTL_FLAG, AT(json), NULL, "with --dry-run: print the events, one JSON object a line", 0, 0,
		0},
	{"no-progress", 0, VR_CTL_FLAG, AT(no_progress), NULL, "say nothing before the end", 0, 0, 0},
};

static enum vr_ctl_exit read_speed(const struct vr_ctl_command *self, struct import_run *run)
{
	char *end;

	if (!run->speed_text || vr_str_eq(vr_str_c(run->speed_text), VR_STR("max")))
		return VR_CTL_OK;
	run->speed = strtod(run->speed_text, &end);
	if (end != run->speed_text && !*end && run->speed > 0 && run->speed <= SPEED_MAX)
		return VR_CTL_OK;
	return vr_ctl_misuse(
		self, "--speed is \"%s\": expected 1, another number more than 0, or max", run->speed_text);
}

static void reading(void *ctx, const char *file, double part)
{
	struct import_run *run = ctx;

	vr_progress_phase(&run->progress, "reading", file, part);
}

static enum vr_ctl_exit read_files(struct import_run *run, const struct vr_ctl_operands *files)
{
	struct vr_import_config config = {
		.files = (const char *const *)files->at,
		.n_files = (size_t)files->n,
		.has_time_offset = run->has_offset,
		.time_offset = {run->time_offset_ms},
		.content_type = vr_str_c(run->content_type),
		.reading = reading,
		.ctx = run,
	};
	struct vr_diag d = {0};
	enum vr_err err;

	vr_progress_start(&run->progress, "viralctl", 0, run->no_progress);
	err = vr_import_new(&run->peers.mem, &config, &run->imp, &d);
	vr_progress_end(&run->progress);
	if (!err)
		return VR_CTL_OK;
	(void)vr_ctl_fail(err, &d);
	return vr_err_verdict(err) == VR_VERDICT_POISON ? VR_CTL_DATA :
	       err == VR_E_CONFIG			? VR_CTL_NO_INPUT :
							  VR_CTL_SOFTWARE;
}

/* Wait until an event is due at the wanted speed. */
static void pace(struct import_run *run, struct vr_wall at)
{
	double due_ms;

	if (!run->first.ms) {
		run->first = at;
		run->begun = vr_ctl_now();
	}
	if (run->speed <= 0)
		return;
	due_ms = (double)(at.ms - run->first.ms) / run->speed;
	while (!run->stopped) {
		int64_t left = (int64_t)due_ms - (vr_ctl_now().ms - run->begun.ms);

		if (left <= 0)
			return;
		/* Acknowledgements go on while nothing is due. */
		if (run->out.producer)
			(void)vr_producer_poll(run->out.producer, (struct vr_span){0});
		run->stopped = vr_ctl_wait((struct vr_span){left < 500 ? left : 500});
	}
}

static enum vr_err send_all(struct import_run *run, struct vr_diag *d)
{
	struct vr_event ev;
	bool more = true;

	while (!run->stopped && !run->out.closed) {
		enum vr_err err = vr_import_next(run->imp, &ev, &more, d);

		if (err || !more)
			return err;
		pace(run, ev.event_time);
		if (run->stopped)
			break;
		err = vr_ctl_out_put(&run->out, &ev, d);
		if (err)
			return err;
		vr_progress_step(&run->progress, run->out.sent, run->out.sent, ev.event_time);
		if (run->out.sent % 1024 == 0)
			run->stopped = vr_ctl_wait((struct vr_span){0});
	}
	return VR_OK;
}

static void summarize(const struct import_run *run)
{
	const struct vr_import_facts *f = vr_import_facts(run->imp);
	double s = (double)(vr_ctl_now().ms - run->begun.ms) / 1000;
	bool kafka = run->out.target == VR_CTL_TO_KAFKA;

	if (run->no_progress)
		return;
	vr_ctl_note("%" PRIu64 " of %" PRIu64 " events %s%.*s in %.1f s%s", run->out.sent, f->events,
		kafka ? "stored in " : "read", kafka ? (int)run->out.topic.n : 0, kafka ? run->out.topic.p : "",
		run->begun.ms ? s : 0, run->stopped ? ", stopped before the end" : "");
	vr_ctl_note("lines: %" PRIu64 " post, %" PRIu64 " share, %" PRIu64 " reply, %" PRIu64 " mention, %" PRIu64
				" share_total (%" PRIu64 " without a rise)",
		f->lines[VR_IMPORT_POST], f->lines[VR_IMPORT_SHARE], f->lines[VR_IMPORT_REPLY],
		f->lines[VR_IMPORT_MENTION], f->lines[VR_IMPORT_SHARE_TOTAL], f->unchanged);
}

static enum vr_ctl_exit import_into(struct import_run *run)
{
	struct vr_diag d = {0};
	enum vr_err err;

	vr_ctl_clock_start();
	vr_progress_start(&run->progress, "viralctl", vr_import_facts(run->imp)->events, run->no_progress);
	err = send_all(run, &d);
	if (!err)
		err = vr_ctl_out_finish(&run->out, &d);
	vr_progress_end(&run->progress);
	vr_ctl_clock_stop();
	if (err)
		return vr_ctl_fail(err, &d);
	summarize(run);
	return run->stopped ? VR_CTL_FAILED : VR_CTL_OK;
}

static enum vr_ctl_exit import_files(struct import_run *run, const struct vr_ctl_operands *files)
{
	enum vr_ctl_target target = !run->dry_run ? VR_CTL_TO_KAFKA
								: run->json   ? VR_CTL_TO_STDOUT
											  : VR_CTL_TO_NOWHERE;
	enum vr_ctl_exit code = vr_ctl_peers_load(&run->peers);

	if (!code)
		code = vr_ctl_out_open(&run->out, &run->peers, target, run->format == 1);
	if (!code)
		code = read_files(run, files);
	if (!code)
		code = import_into(run);
	return vr_ctl_finish(code);
}

static enum vr_ctl_exit run_import(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct import_run run = {0};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Where to", vr_ctl_topic_options, &run.peers),
		VR_CTL_GROUP("Kafka", vr_ctl_kafka_options, &run.peers),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands files;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &files, &code))
		return code;
	if (files.n == 0)
		return vr_ctl_misuse(self, "import what? Name at least one events.ndjson or events.ndjson.gz");
	if (run.json && !run.dry_run)
		return vr_ctl_misuse(self, "--json goes with --dry-run; for JSON in the topic say --format json");
	code = read_speed(self, &run);
	if (!code)
		code = import_files(&run, &files);
	vr_import_free(run.imp);
	vr_ctl_out_close(&run.out);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_import_command = {
	.name = "import",
	.operands = "FILE...",
	.summary = "Send recorded data sets (events.ndjson, plain or gzip) to a topic.",
	.details =
		"All files are merged by time, then by their order here. A post is no event; share becomes SHARE,\n"
		"reply COMMENT, mention MENTION, share_total a SHARE with its rise as count. Times before\n"
		"2001-09-09 count from publication: 1500000000000 is added. - is standard input.",
	.run = run_import,
};
