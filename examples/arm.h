/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated 7-joint arm that picks up a box and puts it down, and what its sensors see.  All of
 * an episode follows from the seed and its number; the state that changes is the sensor noise.
 */
#ifndef ARM_H
#define ARM_H

#include <stdint.h>

#define N_JOINTS 7
#define N_SINES 3

/* One episode's motion: joint angles are sums of sines that start and end at rest. */
struct arm {
	double mid[N_JOINTS], amp[N_JOINTS][N_SINES], freq[N_JOINTS][N_SINES],
		phase[N_JOINTS][N_SINES];
	double seconds, ramp, grasp, release; /* seconds from the start */
	uint64_t noise;                       /* state of the sensor noise */
};

struct frame {
	long width, height;
	uint8_t *rgb; /* height rows of width pixels */
};

void arm_init(struct arm *a, double seconds, uint64_t seed, uint64_t episode);

/* Random numbers in [lo, hi), and the state to start an independent sequence from. */
double uniform(uint64_t *state, double lo, double hi);
uint64_t substream(uint64_t seed, uint64_t episode, uint64_t what);

/* Sensors: one row of values at time t, seconds from the start. */
void read_joint_pos(struct arm *a, double t, double *v);    /* 7, rad, in encoder steps */
void read_joint_vel(struct arm *a, double t, double *v);    /* 7, rad/s */
void read_wrench(struct arm *a, double t, double *v);       /* 6, N and Nm in the tool frame */
void read_eef_pos(struct arm *a, double t, double *v);      /* 3, m in the base frame */
void read_eef_quat(struct arm *a, double t, double *v);     /* 4, x y z w, w not negative */
void read_eef_pose(struct arm *a, double t, double *v);     /* 7, the two above */
void read_gripper(struct arm *a, double t, double *v);      /* 1: 0 open, 1 moving, 2 closed */
void read_gripper_qpos(struct arm *a, double t, double *v); /* 2, m */
void read_action(struct arm *a, double t, double *v);       /* 7 in [-1, 1]: move, turn, grip */
void read_reward(struct arm *a, double t, double *v);       /* 1 once the box is put down */
void read_done(struct arm *a, double t, double *v);         /* 1 at the last step of 20 Hz */

/* The same as ALOHA names it: arm and gripper in one vector of 8. */
void read_qpos(struct arm *a, double t, double *v);
void read_qvel(struct arm *a, double t, double *v);
void read_effort(struct arm *a, double t, double *v);
void read_target(struct arm *a, double t, double *v); /* the leader arm, 60 ms ahead */

/* Cameras. */
void see_front(struct arm *a, double t, const struct frame *f);
void see_wrist(struct arm *a, double t, const struct frame *f);

#endif
