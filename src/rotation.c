/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "rotation.h"

#include <math.h>

#include "kernels/shared_math.h"

#define PI 3.141592653589793

/* 2 pi in two parts, of which the first has so few digits that whole multiples are exact. */
#define TURN 6.2831853069365025
#define TURN_REST 2.430840202602477e-10

/* Two axes are parallel below this sine: float32 does not tell them apart. */
#define PARALLEL 1e-6

/* Below this cosine of the middle angle the others are rounding errors. */
#define LOCKED 1e-7

/* atan(t) for 0 <= t <= 1, by half the angle. */
static double atan_to_one(double t)
{
	return 2 * rc_atan_small(t / (1 + RC_SQRT(1 + t * t)));
}

/* The angle of (x, y), -pi .. pi; 0 for (0, 0).  tan(phi / 2) = |y| / (r + |x|). */
static double angle_of(double y, double x)
{
	double r = RC_SQRT(x * x + y * y), phi;

	if (r == 0)
		return 0;
	phi = 2 * atan_to_one(fabs(y) / (r + fabs(x)));
	if (x < 0)
		phi = PI - phi;
	return y < 0 ? -phi : phi;
}

void rc_rotation_matrix(const double q[4], double r[3][3])
{
	double x = q[0], y = q[1], z = q[2], w = q[3];
	double s = 2 / (x * x + y * y + z * z + w * w);

	r[0][0] = 1 - s * (y * y + z * z);
	r[0][1] = s * (x * y - w * z);
	r[0][2] = s * (x * z + w * y);
	r[1][0] = s * (x * y + w * z);
	r[1][1] = 1 - s * (x * x + z * z);
	r[1][2] = s * (y * z - w * x);
	r[2][0] = s * (x * z - w * y);
	r[2][1] = s * (y * z + w * x);
	r[2][2] = 1 - s * (x * x + y * y);
}

/* tan(theta / 4) = |v| / (|q| + |w|), with w made positive: the short way around. */
void rc_rotation_vector(const double q[4], double v[3])
{
	double vv = q[0] * q[0] + q[1] * q[1] + q[2] * q[2], n = RC_SQRT(vv), w = fabs(q[3]);
	double length = RC_SQRT(vv + w * w);
	double by = n > 0 ? 4 * atan_to_one(n / (length + w)) / n : 2 / length;

	for (int i = 0; i < 3; i++)
		v[i] = (q[3] < 0 ? -by : by) * q[i];
	if (length == 0)
		v[0] = v[1] = v[2] = NAN;
}

void rc_rotation_euler_fixed(const double r[3][3], double a[3])
{
	double c = RC_SQRT(r[0][0] * r[0][0] + r[1][0] * r[1][0]);

	a[1] = angle_of(-r[2][0], c);
	if (c > LOCKED) {
		a[0] = angle_of(r[2][1], r[2][2]);
		a[2] = angle_of(r[1][0], r[0][0]);
	} else {
		a[0] = angle_of(-r[1][2], r[1][1]);
		a[2] = 0;
	}
	a[2] += 0 * r[0][0]; /* NaN stays NaN */
}

void rc_rotation_euler_turned(const double r[3][3], double a[3])
{
	double c = RC_SQRT(r[0][0] * r[0][0] + r[0][1] * r[0][1]);

	a[1] = angle_of(r[0][2], c);
	if (c > LOCKED) {
		a[0] = angle_of(-r[1][2], r[2][2]);
		a[2] = angle_of(-r[0][1], r[0][0]);
	} else {
		a[0] = angle_of(r[2][1], r[1][1]);
		a[2] = 0;
	}
	a[2] += 0 * r[0][0];
}

/* --- back ------------------------------------------------------------------------------------- */

/* The same angle within half a turn. */
static double within(double a)
{
	double k = floor(a / (2 * PI) + 0.5);

	return (a - k * TURN) - k * TURN_REST;
}

/* Of an angle h within -pi/2 .. pi/2. */
static double cos_of(double h)
{
	double s = h / 2 * rc_sinc(h / 2 * (h / 2));

	return 1 - 2 * s * s;
}

static void finish(double q[4])
{
	double n = RC_SQRT((q[0] * q[0] + q[1] * q[1]) + (q[2] * q[2] + q[3] * q[3]));
	double by = n > 0 && n - n == 0 ? (q[3] < 0 ? -1 : 1) / n : NAN;

	for (int i = 0; i < 4; i++)
		q[i] *= by;
}

void rc_rotation_of_matrix(const double m[9], double q[4])
{
	const double trace = m[0] + m[4] + m[8];
	const double four[4] = {m[0], m[4], m[8], trace}; /* of x, y, z, w, less what all share */
	const double det = m[0] * (m[4] * m[8] - m[5] * m[7]) + m[1] * (m[5] * m[6] - m[3] * m[8]) +
			   m[2] * (m[3] * m[7] - m[4] * m[6]);
	int i = 0;

	for (int k = 1; k < 4; k++)
		if (four[k] > four[i])
			i = k;
	if (i == 3) {
		q[0] = m[7] - m[5];
		q[1] = m[2] - m[6];
		q[2] = m[3] - m[1];
		q[3] = 1 + trace;
	} else {
		int j = (i + 1) % 3, k = (i + 2) % 3;

		q[i] = 1 - trace + 2 * m[4 * i];
		q[j] = m[3 * j + i] + m[3 * i + j];
		q[k] = m[3 * k + i] + m[3 * i + k];
		q[3] = m[3 * k + j] - m[3 * j + k];
	}
	if (!(det > 0)) /* zeros, or a reflection */
		q[0] = NAN;
	finish(q);
}

static double dot(const double a[3], const double b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Of what is left of a vector of length `of`: where that is but rounding it has no direction. */
static void to_unit(double a[3], double of)
{
	double n = RC_SQRT(dot(a, a)), by = n > PARALLEL * of ? 1 / n : NAN;

	for (int i = 0; i < 3; i++)
		a[i] *= by;
}

void rc_rotation_of_rows(const double v[6], double q[4])
{
	double a[3] = {v[0], v[1], v[2]}, b[3] = {v[3], v[4], v[5]}, along, length;

	to_unit(a, 0);
	along = dot(a, b);
	length = RC_SQRT(dot(b, b));
	for (int i = 0; i < 3; i++)
		b[i] -= along * a[i];
	to_unit(b, length);
	const double m[9] = {a[0], a[1], a[2], b[0], b[1], b[2],
			     a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
			     a[0] * b[1] - a[1] * b[0]};
	rc_rotation_of_matrix(m, q);
}

/* Columns are the rows of the rotation the other way around. */
void rc_rotation_of_columns(const double v[6], double q[4])
{
	rc_rotation_of_rows(v, q);
	for (int i = 0; i < 3; i++)
		q[i] = -q[i];
}

void rc_rotation_of_vector(const double v[3], double q[4])
{
	double angle = RC_SQRT(dot(v, v)), h = within(angle) / 2;
	/* sin(h) / angle, which for small angles is 1/2 */
	double by = h * rc_sinc(h * h) / angle;

	if (angle < 1e-150)
		by = 0.5;
	for (int i = 0; i < 3; i++)
		q[i] = by * v[i];
	q[3] = cos_of(h);
	finish(q);
}

/* q = p q */
static void turn_before(const double p[4], double q[4])
{
	const double x = q[0], y = q[1], z = q[2], w = q[3];

	q[0] = p[3] * x + p[0] * w + p[1] * z - p[2] * y;
	q[1] = p[3] * y - p[0] * z + p[1] * w + p[2] * x;
	q[2] = p[3] * z + p[0] * y - p[1] * x + p[2] * w;
	q[3] = p[3] * w - p[0] * x - p[1] * y - p[2] * z;
}

void rc_rotation_of_euler(const double a[3], const uint8_t axes[3], bool turned, double q[4])
{
	q[0] = q[1] = q[2] = 0;
	q[3] = 1;
	/* turns of the fixed frame come one before the other; of the turned one, the other way */
	for (int i = 0; i < 3; i++) {
		int k = turned ? 2 - i : i;
		double h = within(a[k]) / 2, p[4] = {0, 0, 0, cos_of(h)};

		p[axes[k]] = h * rc_sinc(h * h);
		turn_before(p, q);
	}
	finish(q);
}
