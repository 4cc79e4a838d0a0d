/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "machine.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* --- CPUs ------------------------------------------------------------------------------------- */

/* cgroup v2 quota in CPUs, rounded up; 0 when there is none. */
static int cgroup_cpus(void)
{
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
	long long quota, period;
	int n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
		n = (int)((quota + period - 1) / period);
	fclose(f);
	return n;
}

int rc_allowed_cpus(void)
{
	cpu_set_t set;
	int n = 1, quota = cgroup_cpus();

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	if (quota && quota < n)
		n = quota;
	return n < 1 ? 1 : n;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* The number in a file such as memory.max; UINT64_MAX when there is none ("max"). */
static uint64_t read_limit(const char *dir, const char *group, const char *name)
{
	char path[4096 + 128];
	unsigned long long v = UINT64_MAX;
	FILE *f;

	snprintf(path, sizeof path, "%s%s/%s", dir, group, name);
	f = fopen(path, "re");
	if (!f)
		return UINT64_MAX;
	if (fscanf(f, "%llu", &v) != 1)
		v = UINT64_MAX;
	fclose(f);
	return v;
}

/* The least limit of a group and all above it: any of them holds. */
static uint64_t group_limit(const char *dir, char *group, const char *name)
{
	uint64_t limit = UINT64_MAX, v;

	for (;;) {
		char *slash = strrchr(group, '/');

		v = read_limit(dir, group, name);
		limit = v < limit ? v : limit;
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

/* A line is "0::/path" for v2, "4:memory:/path" for v1. */
static uint64_t cgroup_memory(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	uint64_t limit = UINT64_MAX, v;
	char line[4096];

	while (f && fgets(line, sizeof line, f)) {
		char *kind = strchr(line, ':'), *group = kind ? strchr(kind + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		if (kind[1] == '\0')
			v = group_limit("/sys/fs/cgroup", group, "memory.max");
		else if (!strcmp(kind + 1, "memory"))
			v = group_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
		else
			continue;
		limit = v < limit ? v : limit;
	}
	if (f)
		fclose(f);
	return limit;
}

uint64_t rc_allowed_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
	uint64_t group = cgroup_memory();

	return group < machine ? group : machine;
}
