# SPDX-License-Identifier: Apache-2.0

# RC_CHECK_CFLAG(FLAG, [IF-KNOWN], [IF-NOT])
# -Werror makes clang refuse what it would otherwise only warn about.
AC_DEFUN([RC_CHECK_CFLAG], [
	AS_VAR_PUSHDEF([rc_cv], [rc_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC accepts $1], [rc_cv], [
		rc_save_cflags=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([rc_cv], [yes])], [AS_VAR_SET([rc_cv], [no])])
		CFLAGS=$rc_save_cflags
	])
	AS_VAR_IF([rc_cv], [yes], [$2
:], [$3
:])
	AS_VAR_POPDEF([rc_cv])
])

# RC_WARNINGS: RC_WARN_CFLAGS holds what the compiler knows of our warnings; --enable-werror.
AC_DEFUN([RC_WARNINGS], [
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])],
		[], [enable_werror=no])
	RC_WARN_CFLAGS=
	m4_foreach_w([rc_flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
			-Wvla],
		[RC_CHECK_CFLAG(rc_flag, [AS_VAR_APPEND([RC_WARN_CFLAGS], [" rc_flag"])])])
	AS_IF([test "x$enable_werror" = xyes], [AS_VAR_APPEND([RC_WARN_CFLAGS], [" -Werror"])])
	AC_SUBST([RC_WARN_CFLAGS])
])
