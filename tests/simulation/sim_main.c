/* SPDX-License-Identifier: Apache-2.0 */
/* sim_main.c - virald_sim: schedules by the thousand, and what they covered. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "sim.h"

enum { JOBS_MAX = 64, BROKEN_MAX = 10 };
struct options {
	uint64_t seed, schedules;
	unsigned jobs;
	int most;
	bool trace, twice, uncovered;
};

static const char usage[] =
	"usage: virald_sim [--seed N] [--schedules M] [--jobs J] [--trace] [--twice] [--first] [--uncovered]\n\n"
	"Runs the schedules of the seeds N .. N+M-1: the real shard on a simulated Redis and log, everything "
	"compared with\n"
	"the fold of the log after every transaction. A seed that breaks a promise is named; --seed N --trace "
	"tells it.\n\n"
	"  --seed N       first seed (default 1)\n"
	"  --schedules M  how many (default 1)\n"
	"  --jobs J       processes (default 1)\n"
	"  --trace        say what happens\n"
	"  --twice        each schedule twice: both must be equal to the byte\n"
	"  --first        end with the first that breaks a promise\n"
	"  --uncovered    succeed even if something never happened\n";

const char *sim_hit_text(enum sim_hit h)
{
	static const char *const text[SIM_HITS] = {
#define SIM_HIT(name, text) [SIM_HIT_##name] = text,
#include "sim_cover.def"
#undef SIM_HIT
	};
	return text[h];
}

/* ------------------------------------------------------------------ one process ---- */

static bool run_one(struct sim *s, uint64_t seed, const struct options *o)
{
	s->with_digest = o->twice;
	bool good = sim_run_seed(s, seed);
	uint64_t digest = s->digest;
	if (good && o->twice) {
		good = sim_run_seed(s, seed) && s->digest == digest;
		if (s->digest != digest)
			(void)snprintf(s->why, sizeof(s->why), "the second run of the schedule was another");
	}
	if (!good) {
		(void)printf("seed %llu: %s\n", (unsigned long long)seed, s->why);
		(void)fflush(stdout);
	}
	return good;
}

static int work(const struct options *o, unsigned job, struct sim_totals *totals)
{
	struct sim_fixed *fixed = sim_fixed_new();
	struct sim *s = sim_new(fixed, totals);
	int failed = 0;
	s->trace = o->trace;
	for (uint64_t i = job; i < o->schedules && failed < o->most; i += o->jobs)
		failed += !run_one(s, o->seed + i, o);
	sim_free(s);
	sim_fixed_free(fixed);
	return failed > 0;
}

/* ------------------------------------------------------------------ all of them ---- */

static bool wait_for(pid_t pid, const struct sim_totals *totals)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status) == 0;
	(void)printf("seed %llu: the process died (%s %d); --seed %llu --trace tells more\n",
		(unsigned long long)totals->running, WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (unsigned long long)totals->running);
	return false;
}

static bool run_jobs(const struct options *o, struct sim_totals *totals)
{
	pid_t pid[JOBS_MAX];
	bool good = true;
	(void)fflush(NULL);
	for (unsigned i = 0; i < o->jobs; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			int status = work(o, i, &totals[i]);
			(void)fflush(NULL);
			_exit(status);
		}
	}
	for (unsigned i = 0; i < o->jobs; i++)
		good = pid[i] > 0 && wait_for(pid[i], &totals[i]) && good;
	return good;
}

static struct sim_totals sum(const struct sim_totals *totals, unsigned n)
{
	struct sim_totals all = {0};
	for (unsigned i = 0; i < n; i++) {
		for (int h = 0; h < SIM_HITS; h++)
			all.hit[h] += totals[i].hit[h];
		for (int e = 0; e < _VR_ERR_MAX; e++)
			all.err[e] += totals[i].err[e];
		all.schedules += totals[i].schedules;
		all.steps += totals[i].steps;
		all.commits += totals[i].commits;
		all.records += totals[i].records;
	}
	return all;
}

static bool report(const struct sim_totals *all, const struct options *o, double seconds)
{
	static const enum vr_err errors[] = {VR_E_FENCED, VR_E_LOST_LINK, VR_E_TIMEOUT, VR_E_OOM, VR_E_BUSY,
		VR_E_READONLY, VR_E_AWAY, VR_E_GAP, VR_E_TRUNCATED, VR_E_STATE_LOST, VR_E_GROWTH, VR_E_REPLY,
		VR_E_DLQ, VR_E_FOREIGN};
	bool good = true;
	for (int h = 0; h < SIM_HITS; h++) {
		(void)printf("%12llu  %s%s\n", (unsigned long long)all->hit[h], sim_hit_text((enum sim_hit)h),
			all->hit[h] ? "" : "  <-- never");
		good &= all->hit[h] > 0;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		(void)printf("%12llu  shard said %s%s\n", (unsigned long long)all->err[errors[i]],
			vr_err_name(errors[i]), all->err[errors[i]] ? "" : "  <-- never");
		good &= all->err[errors[i]] > 0;
	}
	(void)printf(
		"%llu schedules, %llu records, %llu transactions checked, %.1f s (%.0f schedules a minute)\n",
		(unsigned long long)all->schedules, (unsigned long long)all->records,
		(unsigned long long)all->commits, seconds, (double)all->schedules * 60 / seconds);
	if (!good)
		(void)printf("something never happened: this run tested less than it should\n");
	return good || o->uncovered;
}

static struct options parse(int argc, char **argv)
{
	static const struct option known[] = {{"seed", required_argument, NULL, 's'},
		{"schedules", required_argument, NULL, 'n'}, {"jobs", required_argument, NULL, 'j'},
		{"trace", no_argument, NULL, 't'}, {"twice", no_argument, NULL, '2'},
		{"first", no_argument, NULL, '1'}, {"uncovered", no_argument, NULL, 'u'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct options o = {.seed = 1, .schedules = 1, .jobs = 1, .most = BROKEN_MAX};
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		o.trace |= c == 't';
		o.twice |= c == '2';
		o.uncovered |= c == 'u';
		if (c == '1')
			o.most = 1;
		else if (c == 's')
			o.seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			o.schedules = strtoull(optarg, NULL, 10);
		else if (c == 'j')
			o.jobs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'h' || c == '?') {
			(void)fputs(usage, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 64);
		}
	}
	if (o.jobs == 0 || o.jobs > JOBS_MAX)
		o.jobs = 1;
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct timespec from, to;
	size_t size = o.jobs * sizeof(struct sim_totals);
	struct sim_totals *totals = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		return 70;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	bool good = run_jobs(&o, totals);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	struct sim_totals all = sum(totals, o.jobs);
	double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	if (o.schedules > 100)
		good = report(&all, &o, seconds) && good;
	(void)munmap(totals, size);
	return good ? 0 : 1;
}
