/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers.  All parsers take the whole string, ignore the locale, and on failure say what
 * was wrong and what is expected; `what` names the subject in the message ("--rate"). */
#ifndef RC_NUM_H
#define RC_NUM_H

#include <stdint.h>

#include "base/err.h"

/* A frequency num/den Hz in lowest terms, both > 0. */
struct rc_rate {
	int64_t num, den;
};

/* A number of bytes, or a part of what there is. */
struct rc_amount {
	uint64_t bytes;  /* where percent is 0 */
	int percent;     /* 1 .. 100 */
};

int rc_parse_int(const char *s, const char *what, int64_t lo, int64_t hi, int64_t *v_out,
		 struct rc_err *err);
int rc_parse_double(const char *s, const char *what, double *v_out, struct rc_err *err);
/* "20", "29.97", "30000/1001", optional "Hz"; exact, up to 9 decimals, 1e-6 .. 1e9 Hz. */
int rc_parse_rate(const char *s, const char *what, struct rc_rate *r_out, struct rc_err *err);
/* "4GiB" "512M" "100KB" "7"; K M G T are powers of 1024, KB MB GB TB powers of 1000. */
int rc_parse_size(const char *s, const char *what, uint64_t *bytes_out, struct rc_err *err);
/* The same, or "25%" of what there is. */
int rc_parse_amount(const char *s, const char *what, struct rc_amount *a_out, struct rc_err *err);
uint64_t rc_amount_of(struct rc_amount a, uint64_t whole);
/* "50ms" "0.2s" "3us" "100ns" "5m" "2h"; a bare number is in `unit_ns` (0: a unit is required).
 * May be negative.  The result is int64 ns. */
int rc_parse_duration(const char *s, const char *what, int64_t unit_ns, int64_t *ns_out,
		      struct rc_err *err);

double rc_rate_hz(struct rc_rate r);
/* floor(k * 1e9 * den / num), in 128-bit arithmetic: the offset of tick k.  Exact for every rate
 * of rc_parse_rate(); saturates where int64 ends. */
int64_t rc_rate_offset_ns(struct rc_rate r, int64_t k);
/* The shortest text that reads back as v, integers below 2^53 in plain digits: "0.1", "-3",
 * "1e+300".  v must be finite. */
void rc_format_double(char dst[40], double v);
/* "1.5 GiB", for people. */
void rc_format_bytes(char *dst, size_t cap, uint64_t bytes);
/* "s" unless n is 1: "%llu episode%s". */
const char *rc_plural(uint64_t n);

#endif
