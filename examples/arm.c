/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "arm.h"

#define PI 3.14159265358979323846
#define ENCODER_STEP (2 * PI / (1 << 19))

struct pose {
	double pos[3], rot[9], elbow[3]; /* metres; rot row-major, tool to base */
};

/* Random numbers: splitmix64, the same everywhere. */

static uint64_t next_u64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double uniform(uint64_t *state, double lo, double hi)
{
	return lo + (hi - lo) * (double)(next_u64(state) >> 11) * 0x1p-53;
}

static double gauss(uint64_t *state) /* sum of twelve: unit variance, bounded, no libm */
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform(state, 0, 1);
	return sum;
}

uint64_t substream(uint64_t seed, uint64_t episode, uint64_t what)
{
	uint64_t s = seed * 0x2545f4914f6cdd1du + episode;

	s = next_u64(&s) + what;
	return next_u64(&s);
}

/* --- the arm ---------------------------------------------------------------------------------- */

void arm_init(struct arm *a, double seconds, uint64_t seed, uint64_t episode)
{
	static const double home[N_JOINTS] = {0, 0.1, 0, -2.3, 0, 2.4, 0.78};
	static const double reach[N_JOINTS] = {0.5, 0.3, 0.25, 0.3, 0.35, 0.3, 0.6};
	uint64_t r = substream(seed, episode, 1);

	for (int j = 0; j < N_JOINTS; j++) {
		a->mid[j] = home[j] + uniform(&r, -0.08, 0.08);
		for (int k = 0; k < N_SINES; k++) {
			a->amp[j][k] = reach[j] * uniform(&r, 0.2, 0.5) / (k + 1);
			a->freq[j][k] = uniform(&r, 0.08, 0.2) * (k + 1);
			a->phase[j][k] = uniform(&r, 0, 2 * PI);
		}
	}
	a->seconds = seconds;
	a->ramp = fmin(1.0, seconds / 4);
	a->grasp = seconds * uniform(&r, 0.3, 0.4);
	a->release = seconds * uniform(&r, 0.75, 0.85);
	a->noise = substream(seed, episode, 2);
}

/* Minimum-jerk ramp from rest at both ends: 10u^3 - 15u^4 + 6u^5 and its slope. */
static double envelope(const struct arm *a, double t, double *slope_out)
{
	double edge = fmin(t, a->seconds - t), u = fmin(fmax(edge / a->ramp, 0), 1);
	double sign = t < a->seconds / 2 ? 1 : -1;

	*slope_out = sign * 30 * u * u * (1 - u) * (1 - u) / a->ramp;
	return u * u * u * (10 + u * (6 * u - 15));
}

static void arm_joints(const struct arm *a, double t, double *q, double *qd)
{
	double slope, e = envelope(a, t, &slope);

	for (int j = 0; j < N_JOINTS; j++) {
		double sum = 0, dsum = 0;

		for (int k = 0; k < N_SINES; k++) {
			double w = 2 * PI * a->freq[j][k], x = w * t + a->phase[j][k];

			sum += a->amp[j][k] * sin(x);
			dsum += a->amp[j][k] * w * cos(x);
		}
		q[j] = a->mid[j] + e * sum;
		qd[j] = slope * sum + e * dsum;
	}
}

/* Forward kinematics, modified Denavit-Hartenberg, dimensions of a common research arm. */
static void arm_pose(const struct arm *a, double t, struct pose *p)
{
	static const double len[N_JOINTS] = {0, 0, 0, 0.0825, -0.0825, 0, 0.088};
	static const double off[N_JOINTS] = {0.333, 0, 0.316, 0, 0.384, 0, 0};
	static const int twist[N_JOINTS] = {0, -1, 1, 1, -1, 1, 1}; /* quarter turns about x */
	double q[N_JOINTS], qd[N_JOINTS];

	arm_joints(a, t, q, qd);
	*p = (struct pose){.rot = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
	for (int j = 0; j < N_JOINTS; j++) {
		double c = cos(q[j]), s = sin(q[j]), y, z;

		for (int i = 0; i < 3; i++) {
			double *r = p->rot + 3 * i, x = r[0];

			p->pos[i] += len[j] * x;
			y = twist[j] == 0 ? r[1] : twist[j] * r[2];
			z = twist[j] == 0 ? r[2] : -twist[j] * r[1];
			p->pos[i] += off[j] * z;
			r[0] = c * x + s * y;
			r[1] = c * y - s * x;
			r[2] = z;
		}
		if (j == 3)
			memcpy(p->elbow, p->pos, sizeof p->elbow);
	}
	for (int i = 0; i < 3; i++)
		p->pos[i] += (0.107 + 0.1) * p->rot[3 * i + 2]; /* flange and fingers */
}

/* Unit quaternion, x y z w, w never negative. */
static void quat_of(const double *r, double *q)
{
	double x = fmax(0, 1 + r[0] - r[4] - r[8]), y = fmax(0, 1 - r[0] + r[4] - r[8]);
	double z = fmax(0, 1 - r[0] - r[4] + r[8]), w = fmax(0, 1 + r[0] + r[4] + r[8]), n = 0;

	if (w >= x && w >= y && w >= z) {
		q[0] = r[7] - r[5], q[1] = r[2] - r[6], q[2] = r[3] - r[1], q[3] = w;
	} else if (x >= y && x >= z) {
		q[0] = x, q[1] = r[1] + r[3], q[2] = r[2] + r[6], q[3] = r[7] - r[5];
	} else if (y >= z) {
		q[0] = r[1] + r[3], q[1] = y, q[2] = r[5] + r[7], q[3] = r[2] - r[6];
	} else {
		q[0] = r[2] + r[6], q[1] = r[5] + r[7], q[2] = z, q[3] = r[3] - r[1];
	}
	for (int i = 0; i < 4; i++)
		n += q[i] * q[i];
	n = (q[3] < 0 ? -1 : 1) / sqrt(n);
	for (int i = 0; i < 4; i++)
		q[i] *= n;
}

static bool holding(const struct arm *a, double t)
{
	return t >= a->grasp && t < a->release;
}

/* The box waits on a stand where it will be grasped, and stays where it was let go. */
static void box_at(const struct arm *a, double t, double *pos)
{
	struct pose p;

	arm_pose(a, fmin(fmax(t, a->grasp), a->release), &p);
	memcpy(pos, p.pos, sizeof p.pos);
}

/* --- sensors: one row of values at time t ----------------------------------------------------- */

void read_joint_pos(struct arm *a, double t, double *v)
{
	double qd[N_JOINTS];

	arm_joints(a, t, v, qd);
	for (int j = 0; j < N_JOINTS; j++)
		v[j] = floor(v[j] / ENCODER_STEP + 0.5) * ENCODER_STEP;
}

void read_joint_vel(struct arm *a, double t, double *v)
{
	double q[N_JOINTS];

	arm_joints(a, t, q, v);
	for (int j = 0; j < N_JOINTS; j++)
		v[j] += 2e-3 * gauss(&a->noise);
}

/* Weight and inertia of gripper and box in the tool frame, the knock of the grasp, noise. */
void read_wrench(struct arm *a, double t, double *v)
{
	const double h = 2e-3, since = t - a->grasp;
	double mass = 0.7 + (holding(a, t) ? 0.35 : 0), f[3];
	struct pose p[3];

	for (int i = 0; i < 3; i++)
		arm_pose(a, t + (i - 1) * h, &p[i]);
	for (int i = 0; i < 3; i++) {
		f[i] = -mass * (p[0].pos[i] - 2 * p[1].pos[i] + p[2].pos[i]) / (h * h);
		f[i] -= i == 2 ? mass * 9.81 : 0;
	}
	for (int i = 0; i < 3; i++)
		v[i] = p[1].rot[i] * f[0] + p[1].rot[3 + i] * f[1] + p[1].rot[6 + i] * f[2];
	if (since > 0 && since < 0.2)
		v[2] += 6 * exp(-since / 0.03) * sin(2 * PI * 80 * since);
	v[3] = -0.06 * v[1]; /* r x f with r = (0, 0, 6 cm) */
	v[4] = 0.06 * v[0];
	v[5] = 0;
	for (int i = 0; i < 6; i++)
		v[i] += (i < 3 ? 0.05 : 0.004) * gauss(&a->noise);
}

void read_eef_pos(struct arm *a, double t, double *v)
{
	struct pose p;

	arm_pose(a, t, &p);
	memcpy(v, p.pos, sizeof p.pos);
}

void read_eef_quat(struct arm *a, double t, double *v)
{
	struct pose p;

	arm_pose(a, t, &p);
	quat_of(p.rot, v);
}

void read_eef_pose(struct arm *a, double t, double *v)
{
	read_eef_pos(a, t, v);
	read_eef_quat(a, t, v + 3);
}

void read_gripper(struct arm *a, double t, double *v) /* 0 open 1 moving 2 closed */
{
	bool moving = fabs(t - a->grasp) < 0.15 || fabs(t - a->release) < 0.15;

	v[0] = moving ? 1 : holding(a, t) ? 2 : 0;
}

void read_gripper_qpos(struct arm *a, double t, double *v) /* two fingers, metres */
{
	double closing = fmin(fmax((t - a->grasp) / 0.3 + 0.5, 0), 1);
	double opening = fmin(fmax((t - a->release) / 0.3 + 0.5, 0), 1);

	v[0] = 0.04 - 0.025 * (closing - opening);
	v[1] = -v[0];
}

/* The move of the next 50 ms as a controller wants it, scaled into [-1, 1], and the gripper. */
void read_action(struct arm *a, double t, double *v)
{
	struct pose p, n;

	arm_pose(a, t, &p);
	arm_pose(a, t + 0.05, &n);
	for (int i = 0; i < 3; i++) {
		int j = (i + 1) % 3, k = (i + 2) % 3;

		v[i] = (n.pos[i] - p.pos[i]) / 0.05;
		v[3 + i] = 0; /* small rotation: half the antisymmetric part of n p^T */
		for (int c = 0; c < 3; c++)
			v[3 + i] += n.rot[3 * k + c] * p.rot[3 * j + c] -
				    n.rot[3 * j + c] * p.rot[3 * k + c];
		v[3 + i] *= 0.5 / 0.25;
	}
	v[6] = holding(a, t) ? 1 : -1;
	for (int i = 0; i < 7; i++)
		v[i] = fmin(fmax(v[i], -1), 1);
}

void read_qpos(struct arm *a, double t, double *v)
{
	double fingers[2];

	read_joint_pos(a, t, v);
	read_gripper_qpos(a, t, fingers);
	v[7] = fingers[0] / 0.04;
}

void read_qvel(struct arm *a, double t, double *v)
{
	double before[2], after[2];

	read_joint_vel(a, t, v);
	read_gripper_qpos(a, t - 0.01, before);
	read_gripper_qpos(a, t + 0.01, after);
	v[7] = (after[0] - before[0]) / 0.02 / 0.04;
}

void read_effort(struct arm *a, double t, double *v) /* motor currents, mA */
{
	double q[N_JOINTS], qd[N_JOINTS];

	arm_joints(a, t, q, qd);
	for (int j = 0; j < N_JOINTS; j++)
		v[j] = 300 * sin(q[j]) / (j + 1) + 40 * qd[j] + 4 * gauss(&a->noise);
	v[7] = (holding(a, t) ? 250 : 20) + 4 * gauss(&a->noise);
}

void read_target(struct arm *a, double t, double *v) /* the leader arm, 60 ms ahead */
{
	read_qpos(a, fmin(t + 0.06, a->seconds), v);
}

void read_reward(struct arm *a, double t, double *v)
{
	v[0] = t >= a->release ? 1 : 0;
}

void read_done(struct arm *a, double t, double *v) /* the last step of 20 Hz */
{
	v[0] = t + 0.0501 > a->seconds ? 1 : 0;
}

/* --- cameras ---------------------------------------------------------------------------------- */

static void dot(const struct frame *f, const double centre[3], const int colour[3])
{
	long r = lround(centre[2] * (double)f->width), x0 = lround(centre[0] * (double)f->width);
	long y0 = lround(centre[1] * (double)f->height);

	for (long y = y0 - r < 0 ? 0 : y0 - r; y <= y0 + r && y < f->height; y++)
		for (long x = x0 - r < 0 ? 0 : x0 - r; x <= x0 + r && x < f->width; x++)
			if ((x - x0) * (x - x0) + (y - y0) * (y - y0) <= r * r)
				for (int c = 0; c < 3; c++)
					f->rgb[3 * (y * f->width + x) + c] = (uint8_t)colour[c];
}

/* A fixed camera 1.8 m in front of the base, looking at it: 0..1 across the picture. */
static void project(const double p[3], double radius, double out[3])
{
	double depth = 1.8 - p[0];

	out[0] = 0.5 + 0.9 * p[1] / depth;
	out[1] = 0.75 - 0.9 * p[2] / depth;
	out[2] = 0.9 * radius / depth;
}

static void add_noise(const struct frame *f, uint64_t *noise)
{
	size_t n = (size_t)(3 * f->width * f->height);
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % 32 == 0)
			bits = next_u64(noise);
		f->rgb[i] = (uint8_t)(f->rgb[i] + (bits & 3)); /* colours leave room for it */
		bits >>= 2;
	}
}

void see_front(struct arm *a, double t, const struct frame *f)
{
	static const int dark[3] = {60, 62, 70}, metal[3] = {180, 184, 190}, red[3] = {200, 40, 36};
	struct pose p;
	double c[3], held[3];

	for (long y = 0; y < f->height; y++)
		for (long x = 0; x < f->width; x++) {
			uint8_t *px = f->rgb + 3 * (y * f->width + x);
			bool table = y * 10 > f->height * 7;

			px[0] = (uint8_t)(table ? 130 : 190 - 40 * y / f->height);
			px[1] = (uint8_t)(table ? 100 + 30 * x / f->width : px[0]);
			px[2] = (uint8_t)(table ? 70 : px[0] + 20);
		}
	arm_pose(a, t, &p);
	project((const double[3]){0, 0, 0.2}, 0.12, c);
	dot(f, c, dark);
	project(p.elbow, 0.08, c);
	dot(f, c, metal);
	box_at(a, t, held);
	project(held, 0.05, c);
	dot(f, c, red);
	project(p.pos, 0.035, c);
	dot(f, c, metal);
	add_noise(f, &a->noise);
}

/* On the wrist, looking down: a chequered table that moves, turns and grows as the arm does. */
void see_wrist(struct arm *a, double t, const struct frame *f)
{
	static const int red[3] = {200, 40, 36};
	struct pose p;
	double yaw, c, s, scale;

	arm_pose(a, t, &p);
	yaw = atan2(p.rot[3], p.rot[0]);
	c = cos(yaw);
	s = sin(yaw);
	scale = fmax(p.pos[2], 0.05) * 1.6; /* metres of table across the picture */
	for (long y = 0; y < f->height; y++)
		for (long x = 0; x < f->width; x++) {
			double u = ((double)x / (double)f->width - 0.5) * scale;
			double v = ((double)y / (double)f->height - 0.5) * scale;
			long i = (long)floor((p.pos[0] + c * u - s * v) / 0.08);
			long j = (long)floor((p.pos[1] + s * u + c * v) / 0.08);
			uint8_t *px = f->rgb + 3 * (y * f->width + x);

			px[0] = (i + j) & 1 ? 150 : 110;
			px[1] = (uint8_t)(px[0] - 20);
			px[2] = (uint8_t)(px[0] - 45);
		}
	if (holding(a, t))
		dot(f, (const double[3]){0.5, 0.8, 0.12}, red);
	add_noise(f, &a->noise);
}
