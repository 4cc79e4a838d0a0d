/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "device.h"

#include "base/log.h"

/* --- what was asked --------------------------------------------------------------------------- */

int rc_device_parse(const char *text, struct rc_device_choice *c_out, struct rc_err *err)
{
	struct rc_device_choice c = {0};
	const char *number = strchr(text, ':');
	size_t n;

	if (!strcmp(text, "auto")) {
		c.mode = RC_DEVICE_AUTO;
	} else if (!strcmp(text, "cpu")) {
		c.mode = RC_DEVICE_CPU;
	} else if (!strcmp(text, "cuda")) {
		c.mode = RC_DEVICE_CUDA;
	} else if (!strcmp(text, "cuda:all")) {
		c.mode = RC_DEVICE_CUDA_ALL;
	} else {
		n = strncmp(text, "cuda:", 5) ? 0 : strspn(++number, "0123456789");
		if (n == 0 || n > 4 || number[n])
			return rc_fail(err, RC_E_USAGE, "bad_value",
				       "--device: '%.100s' is not one of %s", text,
				       RC_DEVICE_FORMS);
		c.mode = RC_DEVICE_CUDA;
		snprintf(c.number, sizeof c.number, "%s", number);
	}
	*c_out = c;
	return 0;
}

const char *rc_simd_name(int simd)
{
	static const char *const names[] = {NULL, "baseline", "avx2", "avx512"};

	return names[simd];
}

/* --- opening ---------------------------------------------------------------------------------- */

static void use_cpu(struct rc_devices *d)
{
	d->backend = d->cpu_backend;
	d->dev[0] = d->cpu;
	d->n = 1;
}

static void close_others(struct rc_devices *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->dev[i] != d->cpu)
			d->backend->close(d->dev[i]);
	d->n = 0;
}

static int open_one(struct rc_devices *d, const char *option, struct rc_err *err)
{
	int rc = d->backend->open(option, &d->dev[d->n], err);

	d->n += !rc;
	return rc;
}

static int open_all(struct rc_devices *d, int n, struct rc_err *err)
{
	int rc = 0;

	for (int i = 0; i < n && i < RC_MAX_DEVICES && !rc; i++) {
		char option[16];

		snprintf(option, sizeof option, "%d", i);
		rc = open_one(d, option, err);
	}
	return rc;
}

static int open_cuda(struct rc_devices *d, const struct rc_device_choice *c, struct rc_err *err)
{
	int n = 0, rc;

	d->backend = rc_backend_find("cuda");
	if (!d->backend)
		return rc_fail(err, RC_E_DEVICE, "no_cuda_build",
			       "this build has no CUDA support; rebuild it with "
			       "./configure --with-cuda, or use --device cpu");
	rc = d->backend->count(&n, err);
	if (!rc && c->mode == RC_DEVICE_CUDA_ALL)
		rc = open_all(d, n, err);
	else if (!rc)
		rc = open_one(d, *c->number ? c->number : NULL, err);
	if (rc)
		close_others(d);
	return rc;
}

bool rc_devices_may_fall_back(const struct rc_devices *d)
{
	return d->falls_back && d->backend != d->cpu_backend;
}

static void take_cpu(struct rc_devices *d, const char *why)
{
	use_cpu(d);
	snprintf(d->fallback, sizeof d->fallback, "%s", why);
}

void rc_devices_fall_back(struct rc_devices *d, const struct rc_err *why)
{
	close_others(d);
	take_cpu(d, why->msg);
	rc_log(RC_LOG_WARN, "computing on the processor: %s", why->msg);
}

static int open_auto(struct rc_devices *d, bool computes, struct rc_err *err)
{
	const struct rc_device_choice any = {.mode = RC_DEVICE_CUDA};
	struct rc_err why = {0};
	int rc;

	if (!computes || !rc_backend_find("cuda")) {
		take_cpu(d, computes ? "this build has no CUDA support" : "nothing to compute");
		return 0;
	}
	rc = open_cuda(d, &any, &why);
	if (rc == RC_E_DEVICE) { /* a machine without a GPU is nothing to warn of */
		take_cpu(d, why.msg);
		rc_log(RC_LOG_INFO, "computing on the processor: %s", why.msg);
		return 0;
	}
	if (rc && err)
		*err = why;
	return rc;
}

int rc_devices_open(struct rc_devices *d, const struct rc_device_choice *c, const char *isa,
		    bool computes, struct rc_err *err)
{
	bool stops = c->on_error == RC_GPU_ERROR_STOP ||
		     (c->on_error == RC_GPU_ERROR_AUTO && c->mode != RC_DEVICE_AUTO);
	int rc;

	*d = (struct rc_devices){
		.cpu_backend = rc_backend_find("cpu"),
		.recovers = !stops && c->on_error != RC_GPU_ERROR_RETRY,
		.falls_back = !stops,
	};
	atomic_init(&d->told, false);
	rc = d->cpu_backend->open(isa, &d->cpu, err);
	if (rc)
		return rc;
	if (c->mode == RC_DEVICE_CPU)
		use_cpu(d);
	else if (c->mode == RC_DEVICE_AUTO)
		rc = open_auto(d, computes, err);
	else
		rc = open_cuda(d, c, err);
	if (rc)
		rc_devices_close(d);
	return rc;
}

void rc_devices_close(struct rc_devices *d)
{
	if (!d->cpu_backend)
		return;
	close_others(d);
	d->cpu_backend->close(d->cpu);
	*d = (struct rc_devices){0};
}
