/* SPDX-License-Identifier: Apache-2.0 */
/* What a process in the sandbox can still do, each tried in one of its own. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox.h"

static char dir[] = "/tmp/test-sandbox-XXXXXX";
static char inside[64], outside[64], file[80];

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "x", 1), 1);
	close(fd);
}

static void make(void)
{
	if (RC_SANITIZED || !rc_sandbox_landlock_abi())
		cr_skip_test("a build for sanitizers, or a kernel without Landlock");
	cr_assert(mkdtemp(dir));
	snprintf(inside, sizeof inside, "%s/in", dir);
	snprintf(outside, sizeof outside, "%s/out", dir);
	snprintf(file, sizeof file, "%s/out/file", dir);
	cr_assert_eq(mkdir(inside, 0755), 0);
	cr_assert_eq(mkdir(outside, 0755), 0);
	touch(file);
}

static void clean(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (*inside && system(command))
		cr_log_warn("%s is left", dir);
}

TestSuite(sandbox, .init = make, .fini = clean, .timeout = 60);

/* In a process of its own: 0, or the line that failed. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(f());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

#define CHECK(x)                              \
	do {                                  \
		if (!(x))                     \
			return __LINE__ % 256; \
	} while (0)

static bool refused(long rc)
{
	return rc < 0 && (errno == EACCES || errno == EPERM);
}

static int as_reader(void)
{
	struct rc_sandbox s = {0};
	int fd = open(file, O_RDONLY), fds[2];
	char c, *args[] = {(char *)"true", NULL};
	void *p;

	rc_sandbox_files(NULL, 0, &s);
	CHECK(s.files && !s.files_errno);
	rc_sandbox_calls(RC_CALLS_READER, &s);
	CHECK(s.calls && !s.calls_errno);
	/* what it has and what it computes */
	CHECK(pread(fd, &c, 1, 0) == 1 && c == 'x');
	p = malloc(64 << 20);
	CHECK(p);
	memset(p, 1, 64 << 20);
	free(p);
	/* anything else */
	CHECK(refused(open(file, O_RDONLY)));
	CHECK(refused(open("/etc/passwd", O_RDONLY)));
	CHECK(refused(open(inside, O_RDONLY | O_DIRECTORY)));
	CHECK(refused(socket(AF_INET, SOCK_STREAM, 0)));
	CHECK(refused(socketpair(AF_UNIX, SOCK_STREAM, 0, fds)));
	CHECK(refused(execv("/bin/true", args)));
	CHECK(refused(fork()));
	CHECK(refused(kill(getppid(), SIGTERM)));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED);
	return 0;
}

static int as_run(void)
{
	const struct rc_sandbox_place places[] = {
		{inside, RC_SANDBOX_WRITE},
		{file, RC_SANDBOX_READ},
		{"/dev/null", RC_SANDBOX_DEVICE},
		{"/does/not/exist", RC_SANDBOX_WRITE},
	};
	struct rc_sandbox s = {0};
	char *args[] = {(char *)"true", NULL}, path[96], other[96];
	int fds[2];

	rc_sandbox_files(places, RC_ARRAY_LEN(places), &s);
	rc_sandbox_calls(RC_CALLS_RUN, &s);
	CHECK(s.files && s.calls);
	snprintf(path, sizeof path, "%s/new", inside);
	snprintf(other, sizeof other, "%s/sub", inside);
	CHECK(mkdir(other, 0755) == 0);
	CHECK(open(path, O_CREAT | O_RDWR | O_TRUNC, 0644) >= 0);
	snprintf(other, sizeof other, "%s/sub/new", inside);
	CHECK(rename(path, other) == 0);
	CHECK(unlink(other) == 0);
	CHECK(open(inside, O_TMPFILE | O_RDWR, 0600) >= 0 || errno == EOPNOTSUPP);
	CHECK(open(file, O_RDONLY) >= 0);
	CHECK(refused(open(file, O_WRONLY)));
	CHECK(refused(unlink(file)));
	CHECK(refused(open(outside, O_RDONLY | O_DIRECTORY)));
	CHECK(open("/dev/null", O_RDWR) >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHECK(refused(socket(AF_INET6, SOCK_DGRAM, 0)));
	CHECK(refused(socket(AF_PACKET, SOCK_RAW, 0)));
	CHECK(refused(execv("/bin/true", args)));
	return 0;
}

static int with_programs(void)
{
	const struct rc_sandbox_place places[] = {
		{"/", RC_SANDBOX_READ},
		{"/usr", RC_SANDBOX_READ | RC_SANDBOX_EXECUTE},
		{"/lib", RC_SANDBOX_READ | RC_SANDBOX_EXECUTE},
		{"/lib64", RC_SANDBOX_READ | RC_SANDBOX_EXECUTE},
		{"/bin", RC_SANDBOX_READ | RC_SANDBOX_EXECUTE},
	};
	struct rc_sandbox s = {0};
	char *args[] = {(char *)"true", NULL};

	rc_sandbox_files(places, RC_ARRAY_LEN(places), &s);
	rc_sandbox_calls(RC_CALLS_RUN_AND_EXEC, &s);
	CHECK(s.files && s.calls);
	execv("/bin/true", args);
	return __LINE__ % 256;
}

Test(sandbox, reader)
{
	cr_assert_eq(in_child(as_reader), 0, "line %d", in_child(as_reader));
}

Test(sandbox, run)
{
	cr_assert_eq(in_child(as_run), 0, "line %d", in_child(as_run));
}

Test(sandbox, programs)
{
	cr_assert_eq(in_child(with_programs), 0);
}

/* Those who require it are told what is missing. */
Test(sandbox, lacks)
{
	const struct rc_sandbox none = {false, true, ENOSYS, 0}, half = {true, false, 0, EPERM};
	struct rc_err err = {0};

	cr_assert_eq(rc_sandbox_lacks(&none, &err), RC_E_HOST);
	cr_assert(strstr(err.msg, "Landlock here (Function not implemented)"), "%s", err.msg);
	cr_assert_eq(rc_sandbox_lacks(&half, &err), RC_E_HOST);
	cr_assert(strstr(err.msg, "seccomp here (Operation not permitted)"), "%s", err.msg);
}
