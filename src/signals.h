/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals set a flag, loops look at it.  The first INT, TERM or HUP asks the run to stop; a second
 * one ends the process at once.  SIGPIPE is ignored: a closed pipe is a failed write.  Signals the
 * parent had ignored (nohup) stay ignored.
 */
#ifndef RC_SIGNALS_H
#define RC_SIGNALS_H

#include <stdbool.h>

void rc_signals_install(void);
/* True once a stop was asked for. */
bool rc_stop_asked(void);
/* The signal that asked, or 0. */
int rc_stop_signal(void);
/* Standard output was closed by its reader: stops as if SIGPIPE had asked. */
void rc_stop_for_pipe(void);
/* Ends the process by the signal that asked, as the shell expects; returns if there was none. */
void rc_signals_reraise(void);

#endif
