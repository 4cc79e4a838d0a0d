/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/protocol.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Waits until `events` or an end; 0 or an errno. */
static int wait_for(int sock, short events, int64_t deadline_ns)
{
	struct pollfd p = { .fd = sock, .events = events };
	int n;

	do {
		int wait_ms = -1;
		if (deadline_ns != RC_NO_DEADLINE) {
			int64_t left = deadline_ns - rc_now_ns();
			if (left <= 0)
				return ETIMEDOUT;
			left = left / 1000000 + 1;
			wait_ms = left > 1000000 ? 1000000 : (int)left;
		}
		n = poll(&p, 1, wait_ms);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
	} while (n <= 0);
	return 0;
}

static void attach(struct msghdr *m, union control *c, int fd)
{
	struct cmsghdr *h;

	memset(c, 0, sizeof *c);
	m->msg_control = c->bytes;
	m->msg_controllen = sizeof c->bytes;
	h = CMSG_FIRSTHDR(m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
}

int rc_msg_send(int sock, const struct iovec *parts, size_t n_parts, int fd, int64_t deadline_ns)
{
	struct msghdr m = { .msg_iov = (struct iovec *)parts, .msg_iovlen = n_parts };
	union control c;
	int rc;

	if (fd >= 0)
		attach(&m, &c, fd);
	for (;;) {
		if (sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == ECONNRESET || errno == ENOTCONN)
			return EPIPE;
		if (errno != EINTR && errno != EAGAIN)
			return errno;
		rc = errno == EAGAIN ? wait_for(sock, POLLOUT, deadline_ns) : 0;
		if (rc)
			return rc;
	}
}

/* The first descriptor that came along; any others are closed. */
static int take_fd(struct msghdr *m)
{
	int taken = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = h->cmsg_len - CMSG_LEN(0);
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(int) <= n; i += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i, sizeof fd);
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

int rc_msg_recv(int sock, void *buf, size_t cap, size_t *n_out, int *fd_out, int64_t deadline_ns)
{
	union control c;
	struct iovec part = { buf, cap };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;
	int rc;

	*fd_out = -1;
	for (;;) {
		m.msg_control = c.bytes;
		m.msg_controllen = sizeof c.bytes;
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno == ECONNRESET)
			return EPIPE;
		if (errno != EINTR && errno != EAGAIN)
			return errno;
		rc = errno == EAGAIN ? wait_for(sock, POLLIN, deadline_ns) : 0;
		if (rc)
			return rc;
	}
	*fd_out = take_fd(&m);
	rc = n == 0 ? EPIPE : m.msg_flags & MSG_TRUNC ? EMSGSIZE : 0;
	if (rc && *fd_out >= 0) {
		close(*fd_out);
		*fd_out = -1;
	}
	*n_out = (size_t)n;
	return rc;
}
