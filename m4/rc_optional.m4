# SPDX-License-Identifier: Apache-2.0

# RC_OPTIONAL(NAME, OPTION, MODULE, WHAT): --with-OPTION for a library that pkg-config knows as
# MODULE.  By default it is used where it is found; an explicit yes fails without it.  Defines
# HAVE_NAME, NAME_CFLAGS and NAME_LIBS, and rc_have_OPTION for the summary.
AC_DEFUN([RC_OPTIONAL], [
	AC_ARG_WITH([$2], [AS_HELP_STRING([--without-$2], [leave out $4])], [], [with_$2=auto])
	rc_have_$2=no
	AS_IF([test "x$with_$2" != xno], [
		PKG_CHECK_MODULES([$1], [$3],
			[rc_have_$2=yes
			AC_DEFINE([HAVE_$1], [1], [Define to 1 for $4.])],
			[AS_IF([test "x$with_$2" = xyes],
				[AC_MSG_ERROR([--with-$2: pkg-config finds no $3])])])
	])
])
