/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up before it touches data that it does not trust: files by Landlock, system
 * calls by seccomp.  Both hold for the calling thread and for all that it starts afterwards, and
 * nothing takes them back.  A kernel without one of them, or a container that forbids it, is told
 * by the errno that comes back; the process goes on as it was.
 *
 * Sources: landlock(7), seccomp(2), and the kernel's userspace-api/landlock.rst.
 */
#ifndef RC_SANDBOX_H
#define RC_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* --sandbox.  REQUIRE: a run that cannot have all of it does not start. */
#define RC_SANDBOX_CHOICES "auto|off|require"
enum rc_sandbox_mode { RC_SANDBOX_AUTO, RC_SANDBOX_OFF, RC_SANDBOX_REQUIRE };

/* What holds; *_errno: why it does not, 0 where it does or was not asked for. */
struct rc_sandbox {
	bool files, calls;
	int files_errno, calls_errno;
};

/* What may be done below a path, or with it where it is no directory. */
enum rc_sandbox_access {
	RC_SANDBOX_READ = 1,   /* read files, list directories */
	RC_SANDBOX_WRITE = 2,  /* make, write, rename and remove files and directories */
	RC_SANDBOX_EXECUTE = 4,
	RC_SANDBOX_DEVICE = 8, /* write to what is there, and ioctl() */
	RC_SANDBOX_LIST = 16   /* list directories */
};
struct rc_sandbox_place {
	const char *path;      /* what does not exist is left out */
	unsigned access;
};

/* The version of Landlock that the kernel has; 0: none. */
int rc_sandbox_landlock_abi(void);

/* From now on no file is opened, made or removed by path except as the n places allow, and no TCP
 * connection is made; with no places, no file at all, and no signal is sent to other than
 * descendants.  Open descriptors stay as they are. */
void rc_sandbox_files(const struct rc_sandbox_place *places, size_t n, struct rc_sandbox *s);

enum rc_sandbox_calls {
	/* All but network, debugging of other processes, mounts, kernel modules and the like, and,
	 * the second, executing programs. */
	RC_CALLS_RUN_AND_EXEC,
	RC_CALLS_RUN,
	/* What computing on open descriptors needs, and nothing else. */
	RC_CALLS_READER
};
/* Calls that are not allowed fail with EPERM. */
void rc_sandbox_calls(enum rc_sandbox_calls what, struct rc_sandbox *s);

/* Builds with a sanitizer have none: it opens and maps what it wants at any time. */
#ifdef __has_feature
#define RC_HAS_FEATURE(f) __has_feature(f)
#else
#define RC_HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	RC_HAS_FEATURE(address_sanitizer) || RC_HAS_FEATURE(thread_sanitizer)
enum { RC_SANITIZED = 1 };
#else
enum { RC_SANITIZED = 0 };
#endif

/* RC_E_HOST "sandbox" with what is not there, for those who require it. */
int rc_sandbox_lacks(const struct rc_sandbox *s, struct rc_err *err);

#endif
