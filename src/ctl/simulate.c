/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <sys/random.h>
#include "clock.h"
#include "out.h"
#include "virality/progress.h"
#include "virality/simulate.h"

#define FAST_LEAD_MS 60000	/* a fast run ends its event times so long before now */

struct simulate_run {
	struct vr_ctl_peers peers;
	double rate, zipf, duplicates, late;
	uint64_t seed, events, contents;
	struct vr_span life;
	struct vr_wall start;
	int format;
	bool fast, steady, json, no_progress, has_start, has_seed;
	struct vr_sim *sim;
	struct vr_ctl_out out;
	struct vr_progress progress;
	bool stopped;
};

#define AT(field) offsetof(struct simulate_run, field)
static const struct vr_ctl_option options[] = {
	{"rate", 'R', VR_CTL_REAL, AT(rate), "N", "events a second, on average (1000)", 0.001, 1e7, 0},
	{"events", 'n', VR_CTL_WHOLE, AT(events), "N", "stop after so many (never)", 1, 9e15, 0},
	{"seed", 'S', VR_CTL_WHOLE, AT(seed), "N",
		"the same seed and --start give the same events (a new one each time)", 0, 0, AT(has_seed)},
	{"contents", 'C', VR_CTL_WHOLE, AT(contents), "N", "contents alive at once; with --zipf, of all (2000)",
		1, 16e6, 0},
	{"zipf", 'z', VR_CTL_REAL, AT(zipf), "S",
		"benchmark: pick contents by Zipf's law instead of letting them live", 0, 10, 0},
	{"life", 'l', VR_CTL_SPAN, AT(life), "TIME", "how long a content is talked about (1h)", 0, 0, 0},
	{"duplicates", 0, VR_CTL_REAL, AT(duplicates), "P", "part of the shares that come twice, 0 to 1 (0)", 0,
		1, 0},
	{"late", 0, VR_CTL_REAL, AT(late), "P", "part of the events that come late, 0 to 1 (0)", 0, 1, 0},
	{"steady", 0, VR_CTL_FLAG, AT(steady), NULL, "the same rate at night as by day", 0, 0, 0},
	{"start", 0, VR_CTL_TIME, AT(start), "TIME", "event time of the first event (now)", 0, 0, AT(has_start)},
	{"fast", 0, VR_CTL_FLAG, AT(fast), NULL, "do not wait for the event times; needs --events", 0, 0, 0},
	{"format", 'f', VR_CTL_CHOICE, AT(format), "protobuf|json",
		"how events are written to the topic (protobuf)", 0, 0, 0},
	{"json", 0, VR_CTL_FLAG, AT(json), NULL, "print the events, one JSON object a line, and send nothing", 0,
		0, 0},
	{"no-progress", 0, VR_CTL_FLAG, AT(no_progress), NULL, "say nothing before the end", 0, 0, 0},
};

static struct vr_sim_config sim_config(const struct simulate_run *run)
{
	struct vr_sim_config c = vr_sim_config_default();
	double span_ms = (double)run->events / run->rate * 1000;

	c.seed = run->seed;
	c.rate = run->rate;
	c.contents = (uint32_t)run->contents;
	c.zipf = run->zipf;
	c.duplicates = run->duplicates;
	c.late = run->late;
	c.life = run->life;
	/* The span of a fast run is known only at a steady rate, and it must not reach beyond now. */
	c.rhythm = !run->steady && !(run->fast && !run->has_start);
	c.start = run->has_start ? run->start : vr_ctl_today();
	if (run->fast && !run->has_start)
		c.start.ms -= (int64_t)(span_ms * 1.05) + FAST_LEAD_MS;
	return c;
}

/* Events are sent when the clock reaches their time; acknowledgements go on meanwhile. */
static void pace(struct simulate_run *run, struct vr_wall at, struct vr_span shift)
{
	while (!run->fast && !run->stopped) {
		int64_t left = at.ms + shift.ms - vr_ctl_today().ms;

		if (left <= 0)
			return;
		if (run->out.producer)
			(void)vr_producer_poll(run->out.producer, (struct vr_span){0});
		if (run->out.target == VR_CTL_TO_STDOUT)
			(void)fflush(stdout);
		run->stopped = vr_ctl_wait((struct vr_span){left < 500 ? left : 500});
	}
}

static enum vr_err send_all(struct simulate_run *run, struct vr_wall start, struct vr_diag *d)
{
	struct vr_span shift = vr_wall_since(vr_ctl_today(), start);

	while (!run->stopped && !run->out.closed && (!run->events || run->out.sent < run->events)) {
		struct vr_event ev;
		enum vr_err err;

		vr_sim_next(run->sim, &ev);
		pace(run, ev.event_time, shift);
		if (run->stopped)
			break;
		err = vr_ctl_out_put(&run->out, &ev, d);
		if (err)
			return err;
		vr_progress_step(&run->progress, run->out.sent, run->out.sent, ev.event_time);
		if (run->out.sent % 1024 == 0)
			run->stopped = vr_ctl_wait((struct vr_span){0});
	}
	return vr_ctl_out_finish(&run->out, d);
}

static enum vr_ctl_exit simulate_into(struct simulate_run *run)
{
	struct vr_sim_config config = sim_config(run);
	struct vr_diag d = {0};
	enum vr_err err = vr_sim_new(&run->peers.mem, &config, &run->sim, &d);

	if (err)
		return vr_ctl_fail(err, &d);
	vr_ctl_clock_start();
	vr_progress_start(&run->progress, "viralctl", run->events, run->no_progress);
	err = send_all(run, config.start, &d);
	vr_progress_end(&run->progress);
	vr_ctl_clock_stop();
	if (err)
		return vr_ctl_fail(err, &d);
	if (!run->no_progress)
		vr_ctl_note("%" PRIu64 " events, seed %" PRIu64, run->out.sent, run->seed);
	return VR_CTL_OK;
}

/* A new seed has new ids, so that a second run is not taken for duplicates of the first. */
static void choose_seed(struct simulate_run *run)
{
	uint32_t seed = 1;

	if (run->has_seed)
		return;
	(void)!getrandom(&seed, sizeof(seed), 0);
	run->seed = seed;
}

static enum vr_ctl_exit run_simulate(const struct vr_ctl_command *self, int argc, char **argv)
{
	struct simulate_run run = {.rate = 1000, .contents = 2000, .life = {3600000}};
	const struct vr_ctl_group groups[] = {
		VR_CTL_GROUP("Options", options, &run),
		VR_CTL_GROUP("Where to", vr_ctl_topic_options, &run.peers),
		VR_CTL_GROUP("Kafka", vr_ctl_kafka_options, &run.peers),
		VR_CTL_GROUP("Configuration", vr_ctl_config_options, &run.peers),
	};
	struct vr_ctl_operands rest;
	enum vr_ctl_exit code;

	if (!vr_ctl_parse(self, groups, sizeof(groups) / sizeof(groups[0]), argc, argv, &rest, &code))
		return code;
	if (rest.n)
		return vr_ctl_misuse(self, "\"%s\" is not expected: simulate reads no files", rest.at[0]);
	if (run.fast && !run.events)
		return vr_ctl_misuse(self, "--fast needs --events, or it would never end");
	choose_seed(&run);
	code = vr_ctl_peers_load(&run.peers);
	if (!code)
		code = vr_ctl_out_open(
			&run.out, &run.peers, run.json ? VR_CTL_TO_STDOUT : VR_CTL_TO_KAFKA, run.format == 1);
	if (!code)
		code = vr_ctl_finish(simulate_into(&run));
	vr_sim_free(run.sim);
	vr_ctl_out_close(&run.out);
	vr_ctl_peers_done(&run.peers);
	return code;
}

const struct vr_ctl_command vr_ctl_simulate_command = {
	.name = "simulate",
	.operands = "",
	.summary = "Send an endless stream of made-up events that look like people sharing things.",
	.details =
		"Contents are born, reshared in trees through channels, and forgotten; audiences are heavy-tailed,\n"
		"some shares are bought. Events are sent in real time unless --fast is given.",
	.run = run_simulate,
};
