/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int rc_sandbox_lacks(const struct rc_sandbox *s, struct rc_err *err)
{
	const char *what = s->files ? "seccomp" : s->calls ? "Landlock" : "Landlock and seccomp";
	int sys = s->files_errno ? s->files_errno : s->calls_errno;

	if (RC_SANITIZED)
		return rc_fail(err, RC_E_HOST, "sandbox",
			       "this build is for sanitizers and has no sandbox; leave out "
			       "--sandbox require");
	return rc_fail(err, RC_E_HOST, "sandbox",
		       "the kernel does not give %s here (%s), which --sandbox require asks for; "
		       "--sandbox auto takes what there is", what, strerror(sys));
}

/* --- Landlock --------------------------------------------------------------------------------- */

/* Of the kernel's header, which distributions have older than the kernels that run. */
enum {
	LL_CREATE = 444, LL_ADD = 445, LL_RESTRICT = 446, /* the same on all architectures */
	LL_VERSION = 1,  /* flag of LL_CREATE */
	LL_BENEATH = 1   /* type of a rule */
};
enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4, FS_REMOVE_FILE = 1 << 5, FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SOCK = 1 << 9, FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11, FS_MAKE_SYM = 1 << 12,
	FS_ABI_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,     /* ABI 2 */
	FS_TRUNCATE = 1 << 14,  /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV
};
enum { NET_BIND_AND_CONNECT_TCP = 3 }; /* ABI 4 */
enum { SCOPE_SOCKETS_AND_SIGNALS = 3 }; /* ABI 6 */

struct ll_ruleset {
	uint64_t fs, net, scoped;
};
struct ll_beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

int rc_sandbox_landlock_abi(void)
{
	long abi = syscall(LL_CREATE, NULL, 0, LL_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static struct ll_ruleset handled_by(int abi, bool alone, size_t *size_out)
{
	struct ll_ruleset r = {.fs = FS_ABI_1};

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_AND_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6 && alone)
		r.scoped = SCOPE_SOCKETS_AND_SIGNALS;
	*size_out = abi >= 6 ? sizeof r : abi >= 4 ? 2 * sizeof r.fs : sizeof r.fs;
	return r;
}

static uint64_t rights(unsigned access)
{
	uint64_t r = 0;

	if (access & RC_SANDBOX_READ)
		r |= FS_READ_FILE | FS_READ_DIR;
	if (access & RC_SANDBOX_LIST)
		r |= FS_READ_DIR;
	if (access & RC_SANDBOX_WRITE)
		r |= FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_REFER |
		     FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR;
	if (access & RC_SANDBOX_EXECUTE)
		r |= FS_EXECUTE;
	if (access & RC_SANDBOX_DEVICE)
		r |= FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_IOCTL_DEV;
	return r;
}

/* What cannot be opened cannot be used either: nothing to allow. */
static int allow(int ruleset, const struct rc_sandbox_place *p, uint64_t handled)
{
	struct ll_beneath rule = {.access = rights(p->access) & handled};
	struct stat st;
	int sys = 0;

	rule.fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		return 0;
	if (!fstat(rule.fd, &st) && !S_ISDIR(st.st_mode))
		rule.access &= FS_OF_FILES;
	if (rule.access && syscall(LL_ADD, ruleset, LL_BENEATH, &rule, 0))
		sys = errno;
	close(rule.fd);
	return sys;
}

void rc_sandbox_files(const struct rc_sandbox_place *places, size_t n, struct rc_sandbox *s)
{
	int abi = rc_sandbox_landlock_abi(), fd, sys = 0;
	struct ll_ruleset r;
	size_t size;

	s->files = false;
	if (abi == 0) {
		s->files_errno = errno;
		return;
	}
	r = handled_by(abi, n == 0, &size);
	fd = (int)syscall(LL_CREATE, &r, size, 0);
	if (fd < 0) {
		s->files_errno = errno;
		return;
	}
	for (size_t i = 0; i < n && !sys; i++)
		sys = allow(fd, &places[i], r.fs);
	if (!sys && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(LL_RESTRICT, fd, 0)))
		sys = errno;
	close(fd);
	s->files_errno = sys;
	s->files = !sys;
}

/* --- seccomp ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define DENY RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define IF_EQ(v, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, then, otherwise)
#define IF_GE(v, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, v, then, otherwise)
#define IF_SET(v, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, v, then, otherwise)

/* Lower half of an argument, on little endian machines. */
#define LOAD_ARG(i) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[i]))
#define X32_BIT 0x40000000u

enum { MAX_FILTER = 160 };

struct program {
	struct sock_filter f[MAX_FILTER];
	size_t n;
};

static void put(struct program *p, const struct sock_filter *f, size_t n)
{
	for (size_t i = 0; i < n && p->n < MAX_FILTER; i++)
		p->f[p->n++] = f[i];
}
#define PUT(p, ...)                                                                                \
	put(p, (const struct sock_filter[]){__VA_ARGS__},                                          \
	    sizeof((const struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))

/* Calls of another architecture have other numbers. */
static void begin(struct program *p)
{
#ifdef ARCH
	PUT(p, LOAD(arch), IF_EQ(ARCH, 1, 0), DENY, LOAD(nr), IF_GE(X32_BIT, 0, 1), DENY);
#endif
}

static const int run_denied[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2,
	SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_bpf,
	SYS_perf_event_open, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_open_by_handle_at,
	SYS_acct, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_sethostname,
	SYS_setdomainname, SYS_quotactl,
#ifdef SYS_io_uring_setup
	SYS_io_uring_setup, /* does what the rest of this list forbids */
#endif
};

static void deny_for_run(struct program *p, bool may_exec)
{
	/* a socket that is not AF_UNIX */
	PUT(p, IF_EQ(SYS_socket, 0, 4), LOAD_ARG(0), IF_EQ(AF_UNIX, 1, 0), DENY, ALLOW);
	for (size_t i = 0; i < RC_ARRAY_LEN(run_denied); i++)
		PUT(p, IF_EQ((unsigned)run_denied[i], 0, 1), DENY);
	if (!may_exec)
		PUT(p, IF_EQ(SYS_execve, 1, 0), IF_EQ(SYS_execveat, 0, 1), DENY);
	PUT(p, ALLOW);
}

static const int reader_allowed[] = {
	SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_write, SYS_writev, SYS_lseek, SYS_close,
	SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fcntl, SYS_flock, SYS_fadvise64, SYS_dup,
	SYS_dup3, SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom, SYS_ppoll, SYS_munmap,
	SYS_mremap, SYS_madvise, SYS_brk, SYS_futex, SYS_membarrier, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_tgkill, SYS_exit,
	SYS_exit_group, SYS_restart_syscall, SYS_getpid, SYS_gettid, SYS_getppid,
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
	SYS_sysinfo, SYS_getrusage, SYS_prlimit64, SYS_sched_yield, SYS_sched_getaffinity,
	SYS_uname,
#ifdef SYS_poll
	SYS_poll, SYS_dup2, SYS_pause, SYS_getrlimit, SYS_setrlimit, SYS_time, /* x86-64 */
#endif
};

/* Memory that can be executed is what a damaged file would want to write. */
static void allow_for_reader(struct program *p)
{
	PUT(p, IF_EQ(SYS_mmap, 1, 0), IF_EQ(SYS_mprotect, 0, 4), LOAD_ARG(2),
	    IF_SET(PROT_EXEC, 0, 1), DENY, ALLOW);
	for (size_t i = 0; i < RC_ARRAY_LEN(reader_allowed); i++)
		PUT(p, IF_EQ((unsigned)reader_allowed[i], 0, 1), ALLOW);
	PUT(p, DENY);
}

void rc_sandbox_calls(enum rc_sandbox_calls what, struct rc_sandbox *s)
{
	struct program p = {.n = 0};
	struct sock_fprog all = {.filter = p.f};

	s->calls = false;
#ifndef ARCH
	s->calls_errno = ENOSYS;
	return;
#endif
	begin(&p);
	if (what == RC_CALLS_READER)
		allow_for_reader(&p);
	else
		deny_for_run(&p, what == RC_CALLS_RUN_AND_EXEC);
	all.len = (unsigned short)p.n;
	s->calls = !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		   !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all);
	s->calls_errno = s->calls ? 0 : errno;
}
