/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <errno.h>

#include "base/err.h"

Test(err, fill)
{
	struct rc_err e = {0};

	cr_assert_eq(rc_fail(&e, RC_E_FORMAT, "not_hdf5", "'%s' is no HDF5 file", "a.h5"),
		     RC_E_FORMAT);
	cr_assert_eq(e.code, RC_E_FORMAT);
	cr_assert_str_eq(e.reason, "not_hdf5");
	cr_assert_str_eq(e.msg, "'a.h5' is no HDF5 file");
}

Test(err, null_is_allowed)
{
	cr_assert_eq(rc_fail(NULL, RC_E_INPUT, "x", "y"), RC_E_INPUT);
	cr_assert_eq(rc_fail_errno(NULL, RC_E_OUTPUT, "x", ENOSPC, "y"), RC_E_OUTPUT);
	cr_assert_eq(rc_fail_nomem(NULL, 7), RC_E_NOMEM);
	cr_assert_neq(rc_err_while(NULL, "x"), 0);
}

Test(err, system_cause)
{
	struct rc_err e = {0};

	cr_assert_eq(rc_fail_errno(&e, RC_E_INPUT, "open_failed", ENOENT, "cannot open '%s'", "a"),
		     RC_E_INPUT);
	cr_assert_str_eq(e.msg, "cannot open 'a': No such file or directory");
}

Test(err, boundary)
{
	struct rc_err e = {0};

	rc_fail(&e, RC_E_INPUT, "truncated", "4 bytes are missing");
	cr_assert_eq(rc_err_while(&e, "reading '%s'", "a.h5"), RC_E_INPUT);
	cr_assert_str_eq(e.msg, "while reading 'a.h5': 4 bytes are missing");
	cr_assert_str_eq(e.reason, "truncated");
	/* The message may be its own argument. */
	rc_fail(&e, e.code, e.reason, "again: %s", e.msg);
	cr_assert_str_eq(e.msg, "again: while reading 'a.h5': 4 bytes are missing");
	cr_assert_str_eq(e.reason, "truncated");
}

Test(err, long_texts_are_cut)
{
	struct rc_err e = {0};
	char text[2000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	rc_fail(&e, RC_E_BUG, text, "%s", text);
	cr_assert_eq(strlen(e.msg), RC_ERR_MSG_LEN - 1);
	cr_assert_str_eq(e.msg + RC_ERR_MSG_LEN - 5, "x...");
	cr_assert_eq(strlen(e.reason), RC_ERR_REASON_LEN - 1);
	/* A cause is never pushed out by where it happened or by the name it is about. */
	rc_fail(&e, RC_E_BUG, "r", "the cause");
	rc_err_while(&e, "%s", text);
	cr_assert_not_null(strstr(e.msg, "...: the cause"));
	rc_fail_errno(&e, RC_E_INPUT, "r", EACCES, "%s", text);
	cr_assert_not_null(strstr(e.msg, "...: Permission denied"));
}

Test(err, one_printable_line)
{
	struct rc_err e = {0};

	rc_fail(&e, RC_E_INPUT, "r", "'a\nb\033[31m\x7f' \xc3\xa9");
	cr_assert_str_eq(e.msg, "'a?b?[31m?' \xc3\xa9");
}
