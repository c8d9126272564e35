/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - what the kernel knows of this process, under the names that every exporter uses.
 *
 * Only files below /proc/self: a hardened unit sees no others. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "registry.h"

static double seconds(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }

static double clock_seconds(clockid_t id)
{
	struct timespec t;
	return clock_gettime(id, &t) ? (double)NAN : seconds(t);
}

/* Field 22 of stat; the command before it may hold spaces and parentheses. */
static bool read_start_ticks(unsigned long long *ret)
{
	char line[1024];
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
	if (f)
		fclose(f);
	line[n] = '\0';
	const char *after = strrchr(line, ')');
	return after &&
		   sscanf(after + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", ret) == 1;
}

double process_start(void)
{
	unsigned long long ticks;
	if (!read_start_ticks(&ticks))
		return (double)NAN;
	double age = clock_seconds(CLOCK_BOOTTIME) - (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return clock_seconds(CLOCK_REALTIME) - age;
}

static void read_memory(struct vr_metrics *m)
{
	unsigned long long all = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	int n = f ? fscanf(f, "%llu %llu", &all, &resident) : 0;
	double page = (double)sysconf(_SC_PAGESIZE);
	if (f)
		fclose(f);
	vr_metric_set(m, VR_M_VIRTUAL, n == 2 ? (double)all * page : (double)NAN);
	vr_metric_set(m, VR_M_RESIDENT, n == 2 ? (double)resident * page : (double)NAN);
}

static double count_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	double n = -1;		/* the folder itself is open meanwhile */
	if (!d)
		return (double)NAN;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static double max_files(void)
{
	struct rlimit l;
	return getrlimit(RLIMIT_NOFILE, &l) ? (double)NAN : (double)l.rlim_cur;
}

void read_process(struct vr_metrics *m)
{
	vr_metric_set(m, VR_M_CPU, clock_seconds(CLOCK_PROCESS_CPUTIME_ID));
	read_memory(m);
	vr_metric_set(m, VR_M_FDS, count_files());
	vr_metric_set(m, VR_M_MAX_FDS, max_files());
	vr_metric_set(m, VR_M_START_TIME, m->start_time);
}
