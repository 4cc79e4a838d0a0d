# SPDX-License-Identifier: Apache-2.0

# RC_THREADS: RC_THREAD_CFLAGS, for compiling and linking.
AC_DEFUN([RC_THREADS], [
	AC_MSG_CHECKING([for POSIX threads])
	rc_save_cflags=$CFLAGS
	CFLAGS="$CFLAGS -pthread"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <pthread.h>]],
			[[pthread_t t; return pthread_create(&t, 0, 0, 0);]])],
		[RC_THREAD_CFLAGS=-pthread
		AC_MSG_RESULT([-pthread])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([POSIX threads are needed])])
	CFLAGS=$rc_save_cflags
	AC_SUBST([RC_THREAD_CFLAGS])
])
