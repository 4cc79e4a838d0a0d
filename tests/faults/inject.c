/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded in front of the C library by tests/faults/run.py: lets one call of the program go wrong.
 *
 *	FAULT_OP    write read fsync rename open close ftruncate mkdir unlink flock mmap malloc
 *	FAULT_AT    the number of the call, from 1; 0 never
 *	FAULT_HOW   an errno, "short": half of the bytes (write and read), or "kill": the process
 *	FAULT_ALL   set: all calls from that one on
 *	FAULT_COUNT a file that gets the number of calls when the program ends
 *
 * Only the process that was started counts, not the readers that it forks; of mmap and malloc only
 * calls from the program itself, because libhdf5 does not survive a failed allocation.  Counting
 * starts with main(): what the CUDA runtime, linked into the program, allocates before that cannot
 * be refused to it either.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *op;
static long at;
static int how;
static int all;
static int deadly;
static pid_t self;
static int (*program)(int argc, char **argv, char **envp);
static atomic_long calls;
static uintptr_t exe_lo, exe_hi;

static int find_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size, (void)arg;
	exe_lo = UINTPTR_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t lo = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD)
			continue;
		if (lo < exe_lo)
			exe_lo = lo;
		if (lo + p->p_memsz > exe_hi)
			exe_hi = lo + p->p_memsz;
	}
	return 1; /* the first one is the program */
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAULT_HOW");

	dl_iterate_phdr(find_program, NULL);
	self = getpid();
	at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
	how = text && strcmp(text, "short") ? atoi(text) : 0;
	deadly = text && !strcmp(text, "kill");
	all = getenv("FAULT_ALL") != NULL;
}

static int started(int argc, char **argv, char **envp)
{
	op = getenv("FAULT_OP");
	return program(argc, argv, envp);
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *f;

	if (!path || getpid() != self)
		return;
	op = NULL;
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%ld\n", (long)calls);
		fclose(f);
	}
}

int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *end);

/* True for the call that is to go wrong. */
static int hit(const char *which)
{
	long n;

	if (!op || strcmp(op, which) || getpid() != self)
		return 0;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (deadly && n == at)
		kill(self, SIGKILL);
	return !deadly && at && (n == at || (all && n > at));
}

static int from_program(const void *caller)
{
	return (uintptr_t)caller >= exe_lo && (uintptr_t)caller < exe_hi;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL(value)           \
	do {                  \
		errno = how;  \
		return value; \
	} while (0)

int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *end)
{
	REAL(__libc_start_main);

	program = start;
	return real(started, argc, argv, init, fini, rtld_fini, end);
}

#define TRANSFER(name, which, pointer)                                      \
	ssize_t name(int fd, pointer p, size_t n, off_t offset)             \
	{                                                                   \
		REAL(name);                                                 \
		if (!hit(which))                                            \
			return real(fd, p, n, offset);                      \
		if (how)                                                    \
			FAIL(-1);                                           \
		return real(fd, p, n > 1 ? n / 2 : n, offset);              \
	}
TRANSFER(pwrite, "write", const void *)
TRANSFER(pwrite64, "write", const void *)
TRANSFER(pread, "read", void *)
TRANSFER(pread64, "read", void *)

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(write);

	if (fd <= 2 || !hit("write"))
		return real(fd, p, n);
	if (how)
		FAIL(-1);
	return real(fd, p, n > 1 ? n / 2 : n);
}

ssize_t read(int fd, void *p, size_t n)
{
	REAL(read);

	if (!hit("read"))
		return real(fd, p, n);
	if (how)
		FAIL(-1);
	return real(fd, p, n > 1 ? n / 2 : n);
}

#define SIMPLE(name, which, args, pass)       \
	int name args                         \
	{                                     \
		REAL(name);                   \
		if (hit(which))               \
			FAIL(-1);             \
		return real pass;             \
	}
SIMPLE(fsync, "fsync", (int fd), (fd))
SIMPLE(fdatasync, "fsync", (int fd), (fd))
SIMPLE(rename, "rename", (const char *a, const char *b), (a, b))
SIMPLE(ftruncate, "ftruncate", (int fd, off_t n), (fd, n))
SIMPLE(ftruncate64, "ftruncate", (int fd, off64_t n), (fd, n))
SIMPLE(mkdir, "mkdir", (const char *p, mode_t m), (p, m))
SIMPLE(unlink, "unlink", (const char *p), (p))
SIMPLE(unlinkat, "unlink", (int fd, const char *p, int flags), (fd, p, flags))
SIMPLE(flock, "flock", (int fd, int what), (fd, what))

/* It is closed all the same, as the kernel does it. */
int close(int fd)
{
	REAL(close);

	if (!hit("close"))
		return real(fd);
	real(fd);
	FAIL(-1);
}

#define OPEN(name)                                                          \
	int name(const char *path, int flags, ...)                          \
	{                                                                   \
		REAL(name);                                                 \
		va_list ap;                                                 \
		va_start(ap, flags);                                        \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0; \
		va_end(ap);                                                 \
		if (hit("open"))                                            \
			FAIL(-1);                                           \
		return real(path, flags, mode);                             \
	}
OPEN(open)
OPEN(open64)

void *mmap(void *p, size_t n, int prot, int flags, int fd, off_t offset)
{
	REAL(mmap);

	if (from_program(__builtin_return_address(0)) && hit("mmap"))
		FAIL(MAP_FAILED);
	return real(p, n, prot, flags, fd, offset);
}

/* dlsym() may allocate: the library's own names are used instead. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	if (from_program(__builtin_return_address(0)) && hit("malloc"))
		FAIL(NULL);
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	if (from_program(__builtin_return_address(0)) && hit("malloc"))
		FAIL(NULL);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	if (from_program(__builtin_return_address(0)) && hit("malloc"))
		FAIL(NULL);
	return __libc_realloc(p, n);
}
