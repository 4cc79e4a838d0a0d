/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "rotation.h"

#include <math.h>

#include "kernels/shared_math.h"

#define PI 3.141592653589793

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
