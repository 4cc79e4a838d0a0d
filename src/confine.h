/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of the run itself, which decodes what readers found: what it reads and writes is
 * known from its arguments, and nothing else is left to it.  Each call takes away more.
 */
#ifndef RC_CONFINE_H
#define RC_CONFINE_H

#include "base/sandbox.h"
#include "inputs.h"

struct rc_confine_ask {
	enum rc_sandbox_mode mode;
	/* Files and directories that are made or changed.  NULL and "-" are none of them; of what
	 * is not there yet, the nearest directory above may be changed. */
	const char *const *written;
	size_t n_written;
	const struct rc_inputs *inputs; /* NULL: any file may still be read; else these, and: */
	const char *const *read;        /* NULL are none of them */
	size_t n_read;
	bool external;                  /* and what lies in the directories that were named */
	bool devices;                   /* GPUs are used */
	bool executes;                  /* this program, again */
};

/*
 * For this thread and those it starts from now on.  *s tells what holds after all calls so far; it
 * begins as zeros.  RC_E_HOST "sandbox" where it is required and not to be had.
 */
int rc_confine(const struct rc_confine_ask *a, struct rc_sandbox *s, struct rc_err *err);

#endif
