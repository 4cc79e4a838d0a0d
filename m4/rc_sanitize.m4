# SPDX-License-Identifier: Apache-2.0

# RC_SANITIZE: --enable-asan, --enable-ubsan, --enable-tsan, --enable-fuzzers; RC_SAN_CFLAGS is for
# compiling and linking, and an asked-for sanitizer that does not link is an error.
AC_DEFUN([RC_SANITIZE], [
	AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer])],
		[], [enable_asan=no])
	AC_ARG_ENABLE([ubsan],
		[AS_HELP_STRING([--enable-ubsan], [build with UndefinedBehaviorSanitizer])],
		[], [enable_ubsan=no])
	AC_ARG_ENABLE([tsan], [AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])],
		[], [enable_tsan=no])
	AS_IF([test "x$enable_asan$enable_tsan" = xyesyes],
		[AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
	AC_ARG_ENABLE([fuzzers],
		[AS_HELP_STRING([--enable-fuzzers],
			[build tests/fuzz/ with libFuzzer; needs clang])],
		[], [enable_fuzzers=no])
	RC_SAN_CFLAGS=
	rc_sanitizers=
	AS_IF([test "x$enable_asan" = xyes],
		[RC_SAN_CFLAGS=" -fsanitize=address" rc_sanitizers="address"])
	AS_IF([test "x$enable_ubsan" = xyes], [
		AS_VAR_APPEND([RC_SAN_CFLAGS],
			[" -fsanitize=undefined -fno-sanitize-recover=undefined"])
		AS_VAR_APPEND([rc_sanitizers], [" undefined"])
	])
	AS_IF([test "x$enable_tsan" = xyes], [
		AS_VAR_APPEND([RC_SAN_CFLAGS], [" -fsanitize=thread"])
		AS_VAR_APPEND([rc_sanitizers], [" thread"])
	])
	AS_IF([test "x$enable_fuzzers" = xyes], [
		AS_VAR_APPEND([RC_SAN_CFLAGS], [" -fsanitize=fuzzer-no-link"])
		AS_VAR_APPEND([rc_sanitizers], [" fuzzer"])
	])
	AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
	AS_IF([test -n "$RC_SAN_CFLAGS"], [
		AS_VAR_APPEND([RC_SAN_CFLAGS], [" -fno-omit-frame-pointer"])
		AC_MSG_CHECKING([whether$RC_SAN_CFLAGS links])
		rc_save_cflags=$CFLAGS
		CFLAGS="$CFLAGS$RC_SAN_CFLAGS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			AC_MSG_ERROR([the compiler cannot link these sanitizers])])
		CFLAGS=$rc_save_cflags
	], [rc_sanitizers=no])
	AC_SUBST([RC_SAN_CFLAGS])
])
