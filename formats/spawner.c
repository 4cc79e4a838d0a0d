/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spawner: a fork of the run from before it had threads, a CUDA context or open files.  It has
 * libhdf5 initialised and nothing else to do, so a reader is one cheap fork away at any time.  It
 * ends when its socket closes or, at the latest, when the run does.
 */
#include "base/compat.h"

#include "formats/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "formats/h5util.h"

/* How long the run waits for the spawner, and the spawner for a killed reader to be gone. */
#define SPAWNER_NS INT64_C(30000000000)
#define DYING_NS INT64_C(5000000000)

struct spawn_request {
	enum { SPAWN_NEW, SPAWN_KILL } op;
	uint32_t id;
};

struct spawn_reply {
	int32_t sys;    /* errno or 0 */
	int32_t status; /* KILL: from waitpid(), or -1 */
	uint32_t id;
};

struct child {
	uint32_t id;
	pid_t pid;
};

struct spawner {
	int sock;
	pid_t pid;
	const struct rc_reader_limits *limits;
	uint32_t last_id;
	struct child *children;
	size_t n, cap;
};

/* --- in the spawner ------------------------------------------------------------------------- */

/* The run decides when to stop; a Ctrl-C reaches the whole group. */
static void settle_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1,
				       SIGUSR2 };
	sigset_t none;

	for (size_t i = 0; i < RC_ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* inherited SIG_IGN would lose how a reader died */
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(unsigned first)
{
	struct rlimit lim;

#ifdef HAVE_CLOSE_RANGE
	if (!close_range(first, ~0u, 0))
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur > 65536)
		lim.rlim_cur = 65536;
	for (unsigned fd = first; fd < lim.rlim_cur; fd++)
		close((int)fd);
}

/* Leaves standard streams (input and output on /dev/null) and `sock`, which becomes 3. */
static int keep_only(int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (sock != 3 && dup2(sock, 3) < 0)
		_exit(1);
	close_from(4);
	return 3;
}

/* Ends with the parent, also when that died before this line. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static int status_of(pid_t pid, int64_t patience_ns)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	int64_t end = rc_now_ns() + patience_ns;
	int status;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if ((got < 0 && errno != EINTR) || rc_now_ns() > end)
			return -1;
		if (!got)
			nanosleep(&nap, NULL);
	}
}

/* A child that stays in the kernel (a dead network mount) is left to be reaped at the end. */
static void kill_child(struct spawner *s, uint32_t id, struct spawn_reply *a)
{
	a->sys = ESRCH;
	for (size_t i = 0; i < s->n; i++) {
		if (s->children[i].id != id)
			continue;
		kill(s->children[i].pid, SIGKILL);
		a->status = status_of(s->children[i].pid, DYING_NS);
		a->sys = 0;
		s->children[i] = s->children[--s->n];
		return;
	}
}

static void become_reader(const struct spawner *s, int sock)
{
	die_with(s->pid);
	close(s->sock);
	prctl(PR_SET_NAME, "rc-reader");
	rc_reader_serve(sock, s->limits);
}

/* *sock_out is the run's end, to be sent and closed. */
static void new_child(struct spawner *s, struct spawn_reply *a, int *sock_out)
{
	int pair[2];
	pid_t pid;

	if (rc_grow_array(&s->children, &s->cap, s->n + 1, sizeof *s->children, NULL)) {
		a->sys = ENOMEM;
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		a->sys = errno;
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		become_reader(s, pair[1]);
	}
	a->sys = pid < 0 ? errno : 0;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return;
	}
	a->id = ++s->last_id;
	s->children[s->n++] = (struct child){ .id = a->id, .pid = pid };
	*sock_out = pair[0];
}

/* Readers inherit it, and give up more.  The run hears what came of it. */
static void enter_sandbox(const struct spawner *s)
{
	struct rc_sandbox box = {0};
	struct iovec part = {&box, sizeof box};

	if (s->limits->sandbox != RC_SANDBOX_OFF && !RC_SANITIZED) {
		rc_sandbox_files(NULL, 0, &box);
		rc_sandbox_calls(RC_CALLS_RUN, &box);
	}
	if (rc_msg_send(s->sock, &part, 1, -1, RC_NO_DEADLINE))
		_exit(0);
}

static void end_all(struct spawner *s)
{
	for (size_t i = 0; i < s->n; i++)
		kill(s->children[i].pid, SIGKILL);
	for (size_t i = 0; i < s->n; i++)
		status_of(s->children[i].pid, DYING_NS);
	_exit(0); /* the run's exit handlers and unwritten output are not ours */
}

static void __attribute__((noreturn)) spawner_main(int sock, pid_t run,
						   const struct rc_reader_limits *limits)
{
	struct spawner s = { .limits = limits };

	die_with(run);
	settle_signals();
	s.sock = keep_only(sock);
	s.pid = getpid();
	prctl(PR_SET_NAME, "rc-spawner");
	enter_sandbox(&s);
	rc_h5_init();
	for (;;) {
		struct spawn_request q;
		struct spawn_reply a = { .status = -1 };
		struct iovec part = { &a, sizeof a };
		int fd, new_sock = -1;
		size_t n;

		if (rc_msg_recv(s.sock, &q, sizeof q, &n, &fd, RC_NO_DEADLINE) || n != sizeof q)
			break;
		if (q.op == SPAWN_NEW)
			new_child(&s, &a, &new_sock);
		else
			kill_child(&s, q.id, &a);
		if (rc_msg_send(s.sock, &part, 1, new_sock, RC_NO_DEADLINE))
			break;
		if (new_sock >= 0)
			close(new_sock);
	}
	end_all(&s);
	_exit(1);
}

/* --- in the run ----------------------------------------------------------------------------- */

static int hear_of_sandbox(struct rc_spawner *s, enum rc_sandbox_mode mode, struct rc_err *err)
{
	int fd, sys = rc_msg_recv(s->sock, &s->sandbox, sizeof s->sandbox, &(size_t){0}, &fd,
				  rc_now_ns() + SPAWNER_NS);

	if (sys)
		return rc_fail_errno(err, RC_E_HOST, "reader_start", sys,
				     "the process that makes readers does not start");
	if (mode == RC_SANDBOX_REQUIRE && !(s->sandbox.files && s->sandbox.calls))
		return rc_sandbox_lacks(&s->sandbox, err);
	return 0;
}

int rc_spawner_start(const struct rc_reader_limits *limits, struct rc_spawner *s_out,
		     struct rc_err *err)
{
	int rc;
	pid_t run = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return rc_fail_errno(err, RC_E_HOST, "reader_start", errno,
				     "cannot make the socket of the reader processes");
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		spawner_main(pair[1], run, limits);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return rc_fail_errno(err, RC_E_HOST, "reader_start", errno,
				     "cannot start the process that makes readers");
	}
	s_out->sock = pair[0];
	s_out->pid = pid;
	rc = hear_of_sandbox(s_out, limits->sandbox, err);
	if (rc)
		rc_spawner_stop(s_out);
	return rc;
}

void rc_spawner_stop(struct rc_spawner *s)
{
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
	if (s->pid > 0 && status_of(s->pid, 2 * DYING_NS) == -1) {
		kill(s->pid, SIGKILL);
		status_of(s->pid, DYING_NS);
	}
	s->pid = -1;
}

static int ask(struct rc_spawner *s, const struct spawn_request *q, struct spawn_reply *a,
	       int *fd_out, struct rc_err *err)
{
	struct iovec part = { (void *)q, sizeof *q };
	int64_t deadline = rc_now_ns() + SPAWNER_NS;
	int sys = s->sock < 0 ? EPIPE : rc_msg_send(s->sock, &part, 1, -1, deadline);
	size_t n = 0;

	*fd_out = -1;
	if (!sys)
		sys = rc_msg_recv(s->sock, a, sizeof *a, &n, fd_out, deadline);
	if (!sys && n == sizeof *a)
		return 0;
	/* An answer that comes later would be taken for that of the next question. */
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
	return rc_fail(err, RC_E_HOST, "spawner_gone",
		       "the process that starts readers is gone or stuck, so no more input can be "
		       "read; run the command again");
}

int rc_spawner_new(struct rc_spawner *s, uint32_t *id_out, int *sock_out, struct rc_err *err)
{
	struct spawn_request q = { .op = SPAWN_NEW };
	struct spawn_reply a;
	int rc = ask(s, &q, &a, sock_out, err);

	if (rc)
		return rc;
	if (a.sys || *sock_out < 0)
		return rc_fail_errno(err, RC_E_HOST, "reader_start", a.sys ? a.sys : EMFILE,
				     "cannot start a reader process");
	*id_out = a.id;
	return 0;
}

int rc_spawner_kill(struct rc_spawner *s, uint32_t id, int *status_out, struct rc_err *err)
{
	struct spawn_request q = { .op = SPAWN_KILL, .id = id };
	struct spawn_reply a;
	int fd, rc = ask(s, &q, &a, &fd, err);

	*status_out = rc || a.sys ? -1 : a.status;
	if (!rc && fd >= 0)
		close(fd);
	return rc;
}
