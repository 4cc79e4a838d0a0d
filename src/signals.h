/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a run may have to end before it is done.  Signals set a flag, loops look at it.  The first
 * INT, TERM or HUP asks the run to stop; a second one ends the process at once.  SIGPIPE is
 * ignored: a closed pipe is a failed write, which ends the process by that signal when the work is
 * done.  XFSZ is ignored: a limit of file sizes is an error like a full disk.  Signals the parent
 * had ignored (nohup) stay ignored.
 */
#ifndef RC_SIGNALS_H
#define RC_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

enum rc_stop {
	RC_STOP_NO,
	RC_STOP_SIGNAL, /* INT, TERM or HUP: rc_stop_signal() */
	RC_STOP_ASKED,  /* SIGUSR2 */
	RC_STOP_TIME    /* the limit is over */
};

void rc_signals_install(void);
/* From now on SIGUSR2 stops the run early, and so does the end of the limit; 0: none. */
void rc_signals_stop_early(int64_t limit_ns);
/* True once a stop was asked for, whatever the reason. */
bool rc_stop_asked(void);
enum rc_stop rc_stop_why(void);
/* The signal that asked, or 0. */
int rc_stop_signal(void);
/* "stopped by SIGTERM", and so on for all of them. */
const char *rc_stop_text(void);
/* Standard output has no reader any more: what is left to do need not be, or, where it was the
 * output of the run, stops as if SIGPIPE had asked. */
void rc_signals_pipe_broke(void);
void rc_stop_for_pipe(void);
/* Ends the process by the signal that asked, as the shell expects; after a broken pipe by SIGPIPE,
 * unless the exit status has more to tell than 0 or 1.  Returns if there was neither. */
void rc_signals_reraise(int status);

#endif
