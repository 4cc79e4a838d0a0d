/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"

/* Lock-free: set by handlers, read by all threads. */
static atomic_int asked;      /* the signal that asked to stop */
static atomic_int early;      /* enum rc_stop */
static atomic_int pipe_broke; /* a write met a pipe without a reader */
static int64_t deadline_ns;   /* 0: none; set before threads start */
static bool pipe_was_ignored;
static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

static void on_stop(int sig)
{
	if (asked) {
		/* asked twice: the user does not want to wait for a clean end */
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	asked = sig;
}

static void on_early(int sig)
{
	(void)sig;
	early = RC_STOP_ASKED;
}

static bool is_ignored(int sig)
{
	struct sigaction old;

	return sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler};

	sigemptyset(&act.sa_mask);
	sigaction(sig, &act, NULL);
}

void rc_signals_install(void)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(stop_signals); i++)
		if (!is_ignored(stop_signals[i]))
			handle(stop_signals[i], on_stop);
	pipe_was_ignored = is_ignored(SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void rc_signals_stop_early(int64_t limit_ns)
{
	if (!is_ignored(SIGUSR2))
		handle(SIGUSR2, on_early);
	if (limit_ns)
		deadline_ns = rc_now_ns() + limit_ns;
}

bool rc_stop_asked(void)
{
	return rc_stop_why() != RC_STOP_NO;
}

enum rc_stop rc_stop_why(void)
{
	int none = RC_STOP_NO;

	if (asked)
		return RC_STOP_SIGNAL;
	if (!early && deadline_ns && rc_now_ns() > deadline_ns)
		atomic_compare_exchange_strong(&early, &none, RC_STOP_TIME);
	return (enum rc_stop)early;
}

int rc_stop_signal(void)
{
	return asked;
}

const char *rc_stop_text(void)
{
	switch (rc_stop_why()) {
	case RC_STOP_SIGNAL:
		return asked == SIGINT	  ? "stopped by SIGINT"
		       : asked == SIGTERM ? "stopped by SIGTERM"
		       : asked == SIGHUP  ? "stopped by SIGHUP"
					  : "stopped because nobody reads standard output";
	case RC_STOP_ASKED:
		return "stopped by SIGUSR2";
	case RC_STOP_TIME:
		return "stopped because the time of --time-limit is over";
	case RC_STOP_NO:
		break;
	}
	return "stopped";
}

void rc_signals_pipe_broke(void)
{
	pipe_broke = 1;
}

void rc_stop_for_pipe(void)
{
	if (!asked)
		asked = SIGPIPE;
}

static void end_by(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

void rc_signals_reraise(int status)
{
	if (asked)
		end_by(asked);
	if (pipe_broke && !pipe_was_ignored && status <= 1)
		end_by(SIGPIPE);
}
