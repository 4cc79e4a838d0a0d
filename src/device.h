/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of a run: what --device names, opened.  The processor is always among them: it
 * computes where there is nothing else, and takes over the batches of a device that is lost.
 */
#ifndef RC_DEVICE_H
#define RC_DEVICE_H

#include <stdatomic.h>

#include "kernels/kernels.h"

enum { RC_MAX_DEVICES = 64 };
#define RC_DEVICE_FORMS "auto, cpu, cuda, cuda:N or cuda:all"

enum rc_device_mode { RC_DEVICE_AUTO, RC_DEVICE_CPU, RC_DEVICE_CUDA, RC_DEVICE_CUDA_ALL };

/* What becomes of a run whose GPU fails.  AUTO: CPU where --device is auto, else STOP. */
#define RC_GPU_ERROR_CHOICES "auto|retry|cpu|stop"
enum rc_gpu_error { RC_GPU_ERROR_AUTO, RC_GPU_ERROR_RETRY, RC_GPU_ERROR_CPU, RC_GPU_ERROR_STOP };

/* What --device says. */
struct rc_device_choice {
	enum rc_device_mode mode;
	enum rc_gpu_error on_error;
	char number[16];      /* CUDA: "" for the best, or as the user wrote it */
};
/* RC_E_USAGE with the choices. */
int rc_device_parse(const char *text, struct rc_device_choice *c_out, struct rc_err *err);

/* What --simd chose, for the CPU backend: NULL for auto. */
#define RC_SIMD_CHOICES "auto|baseline|avx2|avx512"
const char *rc_simd_name(int simd);

struct rc_devices {
	const struct rc_backend *backend; /* of dev[] */
	struct rc_device *dev[RC_MAX_DEVICES];
	size_t n;
	const struct rc_backend *cpu_backend;
	struct rc_device *cpu;            /* also dev[0] where the processor computes */
	bool recovers;        /* a lost device costs time, not the run: its batches go to the cpu */
	bool falls_back;      /* one without room for lanes is as good as none */
	char fallback[RC_ERR_MSG_LEN]; /* why an `auto` run is on the processor; "" if it is not */
	atomic_bool told;     /* the loss of a device was logged */
};

/*
 * Opens them.  isa: the option of the CPU backend, or NULL.  With `auto`, the first other backend
 * whose devices open is taken, if there is anything to compute; what is in its way is left in
 * `fallback`, and logged unless the build or the data has nothing for it.  With `cuda` it is
 * the error.
 */
int rc_devices_open(struct rc_devices *d, const struct rc_device_choice *c, const char *isa,
		    bool computes, struct rc_err *err);
bool rc_devices_may_fall_back(const struct rc_devices *d);
/* To the processor alone, when lanes cannot be opened on the others: closes those, and warns. */
void rc_devices_fall_back(struct rc_devices *d, const struct rc_err *why);
void rc_devices_close(struct rc_devices *d);

#endif
