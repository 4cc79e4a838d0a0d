/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "form.h"

#include "plan.h"
#include "rotation.h"

#define DEGREE 0.017453292519943295

/* --- names ------------------------------------------------------------------------------------ */

/* The rest of s behind a word, or NULL. */
static const char *behind(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncmp(s, word, n) ? NULL : s + n;
}

/* Three letters of one case, no two neighbours alike. */
static bool parse_axes(const char *s, struct rc_form *f)
{
	bool turned = *s >= 'X' && *s <= 'Z';

	for (int i = 0; i < 3; i++) {
		int axis = s[i] - (turned ? 'X' : 'x');
		if (!s[i] || axis < 0 || axis > 2 || (i && axis == f->axes[i - 1]))
			return false;
		f->axes[i] = (uint8_t)axis;
	}
	f->turn = turned ? RC_TURN_EULER_TURNED : RC_TURN_EULER_FIXED;
	return true;
}

static const char *parse_name(const char *text, struct rc_form *f)
{
	static const int turns[] = {RC_TURN_MATRIX, RC_TURN_6D_ROWS, RC_TURN_6D_COLUMNS,
				    RC_TURN_AXIS_ANGLE};
	const char *rest = behind(text, "euler-");

	if (rest)
		return parse_axes(rest, f) ? rest + 3 : NULL;
	for (size_t i = 0; i < RC_ARRAY_LEN(turns); i++) {
		rest = behind(text, rc_turn_form(turns[i]));
		f->turn = turns[i];
		if (rest)
			return rest;
	}
	return NULL;
}

bool rc_form_parse(const char *text, struct rc_form *f_out)
{
	struct rc_form f = {0};
	const char *s = parse_name(text, &f), *rest;

	if (!s)
		return false;
	rest = behind(s, "-deg");
	if (rest && !(f.turn & RC_TURN_THREE))
		return false;
	f.degrees = rest != NULL;
	s = rest ? rest : s;
	if (*s == '@') {
		size_t n = strspn(s + 1, "0123456789");

		if (n < 1 || n > 3 || s[n + 1])
			return false;
		f.placed = true;
		f.column = (uint32_t)strtoul(s + 1, NULL, 10);
		s += n + 1;
	}
	*f_out = f;
	return !*s;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void quaternion(const struct rc_form *f, const double *v, double q[4])
{
	double unit = f->degrees ? DEGREE : 1, a[3] = {v[0] * unit, v[1] * unit, v[2] * unit};

	if (f->turn == RC_TURN_MATRIX)
		rc_rotation_of_matrix(v, q);
	else if (f->turn == RC_TURN_6D_ROWS)
		rc_rotation_of_rows(v, q);
	else if (f->turn == RC_TURN_6D_COLUMNS)
		rc_rotation_of_columns(v, q);
	else if (f->turn == RC_TURN_AXIS_ANGLE)
		rc_rotation_of_vector(a, q);
	else
		rc_rotation_of_euler(a, f->axes, f->turn == RC_TURN_EULER_TURNED, q);
}

void rc_form_rows(const struct rc_plan_source *src, enum rc_dtype stored, void *rows, uint64_t n)
{
	const uint32_t at = src->form.column, width = rc_turn_width(src->form.turn);
	const enum rc_dtype t = stored == RC_F64 ? RC_F64 : RC_F32;
	const size_t in = rc_dtype_size(stored), out = rc_dtype_size(t);
	/* rows that grow are made from the last one on, none over one that is still to be read */
	const bool grow = src->width * out > src->stored_width * in;
	double v[RC_FORM_MAX_WIDTH], q[4];

	for (uint64_t k = 0; k < n; k++) {
		uint64_t r = grow ? n - 1 - k : k;
		const char *from = (const char *)rows + r * src->stored_width * in;
		char *to = (char *)rows + r * src->width * out;
		uint32_t c = 0;

		for (uint32_t i = 0; i < src->stored_width; i++)
			v[i] = rc_value_get(from + i * in, stored);
		quaternion(&src->form, v + at, q);
		for (uint32_t i = 0; i < at; i++)
			rc_value_set(to + c++ * out, t, v[i]);
		for (uint32_t i = 0; i < 4; i++)
			rc_value_set(to + c++ * out, t, q[i]);
		for (uint32_t i = at + width; i < src->stored_width; i++)
			rc_value_set(to + c++ * out, t, v[i]);
	}
}
