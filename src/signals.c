/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int asked; /* lock-free: set by a handler, read by all threads */
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

void rc_signals_install(void)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(stop_signals); i++) {
		struct sigaction old, act = {.sa_handler = on_stop};

		sigemptyset(&act.sa_mask);
		if (sigaction(stop_signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		sigaction(stop_signals[i], &act, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

bool rc_stop_asked(void)
{
	return asked != 0;
}

int rc_stop_signal(void)
{
	return asked;
}

void rc_stop_for_pipe(void)
{
	if (!asked)
		asked = SIGPIPE;
}

void rc_signals_reraise(void)
{
	sigset_t set;

	if (!asked)
		return;
	signal(asked, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, asked);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(asked);
}
