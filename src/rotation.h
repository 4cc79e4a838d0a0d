/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotations as quaternions {x, y, z, w} of any length but 0, and their other forms, in float64,
 * with + - * / and sqrt alone, so that the bits are the same everywhere.  Zeros give NaN.  Angles
 * are in radians.  Pure functions.
 */
#ifndef RC_ROTATION_H
#define RC_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

/*
 *	    1 - 2(yy + zz)/n   2(xy - wz)/n       2(xz + wy)/n
 *	R = 2(xy + wz)/n       1 - 2(xx + zz)/n   2(yz - wx)/n       n = xx + yy + zz + ww
 *	    2(xz - wy)/n       2(yz + wx)/n       1 - 2(xx + yy)/n
 */
void rc_rotation_matrix(const double q[4], double r[3][3]);
/* Axis times angle, which is 0 .. pi (the logarithm of the quaternion, twice). */
void rc_rotation_vector(const double q[4], double v[3]);
/* About x, then y, then z: of the fixed frame, R = Rz Ry Rx, as scipy's "xyz", or of the turned
 * one, R = Rx Ry Rz, as its "XYZ".  The angles of x and z are within -pi .. pi, of y within -pi/2
 * .. pi/2; where that is at its end the other two are not unique, and z's is 0. */
void rc_rotation_euler_fixed(const double r[3][3], double a[3]);
void rc_rotation_euler_turned(const double r[3][3], double a[3]);

/*
 * Back: quaternions of unit length with w >= 0.  Where the values are no rotation (NaN, infinite,
 * axes of no length, a reflection) all four are NaN.
 *
 * A matrix row by row, from whichever of x, y, z, w is largest (Shepperd 1978, "Quaternion from
 * Rotation Matrix"); it is taken as it is, and only the result is brought to unit length.
 */
void rc_rotation_of_matrix(const double m[9], double q[4]);
/* Two rows or columns of a matrix: the first to unit length, of the second what is upright on it,
 * the third by their cross product (Zhou et al. 2019). */
void rc_rotation_of_rows(const double v[6], double q[4]);
void rc_rotation_of_columns(const double v[6], double q[4]);
/* Axis times angle, of any length. */
void rc_rotation_of_vector(const double v[3], double q[4]);
/* a[0] about the axis axes[0] (0 .. 2: x .. z), then a[1], then a[2]; of the turned frame, or of
 * the fixed one.  Angles beyond 6e6 lose digits. */
void rc_rotation_of_euler(const double a[3], const uint8_t axes[3], bool turned, double q[4]);

#endif
