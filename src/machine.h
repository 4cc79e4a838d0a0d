/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may use of the machine: affinity mask, control groups, installed memory. */
#ifndef RC_MACHINE_H
#define RC_MACHINE_H

#include <stdint.h>

/* CPUs: affinity mask and cgroup quota; at least 1. */
int rc_allowed_cpus(void);
/* Bytes of memory: what is installed, or less by a limit of the control groups (v1 or v2). */
uint64_t rc_allowed_memory(void);

#endif
