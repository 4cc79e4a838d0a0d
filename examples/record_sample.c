/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records a sample dataset of the arm in arm.c: the same options give the same bytes.  Three
 * layouts: raw (one file an episode, every sensor with its own clock, as a logger writes it),
 * robomimic and aloha (aligned, as training code reads it).
 *
 * What is true to life in the raw layout: joint positions in encoder steps, periods that are some
 * ppm off, host jitter on every stamp, 120 ms of lost wrench samples in every third episode (the
 * second, the fifth ...), and cameras that are stamped late: cam_front by 35 ms, cam_wrist by
 * 22 ms.  No attribute says so; `robocache convert --latency cam_front=35` puts it right.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hdf5.h>
#include <zstd.h>

#include "arm.h"

#define EPOCH_NS 1736154000000000000LL /* 2025-01-06 09:00:00 UTC */
#define LANGUAGE "pick up the box and put it down"
#define FILTER_ZSTD 32015
#define LOST_BURST_S 0.12
#define ROBOMIMIC_HZ 20
#define ALOHA_HZ 50

enum codec { NONE, GZIP, ZSTD };

struct options {
	const char *dir;
	long episodes, width, height, level;
	double seconds;
	uint64_t seed;
	enum codec codec;
	bool chunk_frames; /* one frame a chunk even when nothing is compressed */
	void (*record)(const struct options *o);
};

typedef void (*sensor)(struct arm *a, double t, double *v);
typedef void (*camera)(struct arm *a, double t, const struct frame *f);

struct signal {
	const char *path;
	char type; /* d float64, f float32, b uint8, l int64 */
	int width; /* 0: one number a row, (T,) */
	sensor read;
	camera see; /* instead of read */
};

/* A device that stamps its samples. */
struct logger {
	const char *group;
	double hz, latency_s;
	struct signal signals[2];
};

struct clock {
	hsize_t n;
	double *t;      /* when the samples were taken, seconds from the start */
	int64_t *stamp; /* what the host wrote down, Unix time in ns */
};

static void die(const char *fmt, ...)
{
	va_list ap;

	fputs("record_sample: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void *get(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory for %zu values", n);
	return p;
}

/* --- HDF5 ---------------------------------------------------------------------------------- */

/* Every id and status of HDF5 passes here: failing means disk full or a bug. */
static hid_t ok(hid_t id, const char *what)
{
	if (id < 0)
		die("cannot write '%s': %s", what, errno ? strerror(errno) : "HDF5 refused it");
	errno = 0;
	return id;
}

static size_t zstd_encode(unsigned flags, size_t n_values, const unsigned values[], size_t n,
			  size_t *cap, void **buf)
{
	size_t size = ZSTD_compressBound(n);
	void *dst = flags & H5Z_FLAG_REVERSE || !n_values ? NULL : malloc(size);

	if (!dst)
		return 0;
	n = ZSTD_compress(dst, size, *buf, n, (int)values[0]);
	if (ZSTD_isError(n)) {
		free(dst);
		return 0;
	}
	free(*buf);
	*buf = dst;
	*cap = size;
	return n;
}

static void text_attr(hid_t loc, const char *name, const char *text)
{
	hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), attr;

	H5Tset_size(type, H5T_VARIABLE);
	H5Tset_cset(type, H5T_CSET_UTF8);
	attr = ok(H5Acreate2(loc, name, type, space, H5P_DEFAULT, H5P_DEFAULT), name);
	ok(H5Awrite(attr, type, &text), name);
	H5Aclose(attr);
	H5Sclose(space);
	H5Tclose(type);
}

static void number_attr(hid_t loc, const char *name, int64_t value)
{
	hid_t space = H5Screate(H5S_SCALAR), attr;

	attr = ok(H5Acreate2(loc, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), name);
	ok(H5Awrite(attr, H5T_NATIVE_INT64, &value), name);
	H5Aclose(attr);
	H5Sclose(space);
}

static void bool_attr(hid_t loc, const char *name, bool value) /* as h5py writes one */
{
	hid_t type = H5Tenum_create(H5T_NATIVE_INT8), space = H5Screate(H5S_SCALAR), attr;
	signed char v = 0;

	H5Tenum_insert(type, "FALSE", &v);
	v = 1;
	H5Tenum_insert(type, "TRUE", &v);
	v = value;
	attr = ok(H5Acreate2(loc, name, type, space, H5P_DEFAULT, H5P_DEFAULT), name);
	ok(H5Awrite(attr, type, &v), name);
	H5Aclose(attr);
	H5Sclose(space);
	H5Tclose(type);
}

/* A new file, never an old one: nobody's recordings are overwritten. */
static hid_t create_file(const struct options *o, const char *fmt, long i)
{
	char name[64], path[4096];
	hid_t file;

	snprintf(name, sizeof name, fmt, i);
	if (snprintf(path, sizeof path, "%s/%s", o->dir, name) >= (int)sizeof path)
		die("'%s' is too long", o->dir);
	errno = 0;
	file = H5Fcreate(path, H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
	if (file < 0 && (errno == 0 || errno == EEXIST))
		die("'%s' exists; give -o an empty folder or remove it", path);
	return ok(file, path);
}

static hid_t create_group(hid_t loc, const char *path)
{
	hid_t lcpl = H5Pcreate(H5P_LINK_CREATE), group;

	H5Pset_create_intermediate_group(lcpl, 1);
	group = ok(H5Gcreate2(loc, path, lcpl, H5P_DEFAULT, H5P_DEFAULT), path);
	H5Pclose(lcpl);
	return group;
}

/* A dataset, with the options' filters where it has chunks; NULL is contiguous. */
static hid_t create_dataset(hid_t loc, const char *path, hid_t type, hid_t space,
			    const hsize_t *chunk, const struct options *o)
{
	hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE), dset;
	unsigned level = (unsigned)o->level;
	int rank = H5Sget_simple_extent_ndims(space);

	H5Pset_create_intermediate_group(lcpl, 1);
	H5Pset_obj_track_times(dcpl, false);
	H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
	if (chunk)
		H5Pset_chunk(dcpl, rank, chunk);
	if (chunk && o->codec != NONE && rank < 4)
		H5Pset_shuffle(dcpl);
	if (chunk && o->codec == GZIP)
		ok(H5Pset_deflate(dcpl, level), path);
	if (chunk && o->codec == ZSTD)
		ok(H5Pset_filter(dcpl, FILTER_ZSTD, H5Z_FLAG_MANDATORY, 1, &level), path);
	dset = ok(H5Dcreate2(loc, path, type, space, lcpl, dcpl, H5P_DEFAULT), path);
	H5Pclose(lcpl);
	H5Pclose(dcpl);
	return dset;
}

static hid_t file_type(char type)
{
	switch (type) {
	case 'd':
		return H5T_IEEE_F64LE;
	case 'f':
		return H5T_IEEE_F32LE;
	case 'b':
		return H5T_STD_U8LE;
	default:
		return H5T_STD_I64LE;
	}
}

static void write_numbers(hid_t loc, const struct signal *s, struct arm *a, const struct clock *c,
			  const struct options *o)
{
	hsize_t width = s->width ? (hsize_t)s->width : 1, dims[2] = {c->n, width};
	hsize_t chunk[2] = {c->n < 1024 ? c->n : 1024, width};
	double *rows = get(c->n * width, sizeof *rows);
	hid_t space = H5Screate_simple(s->width ? 2 : 1, dims, NULL), dset;

	for (hsize_t i = 0; i < c->n; i++)
		s->read(a, c->t[i], rows + i * width);
	dset = create_dataset(loc, s->path, file_type(s->type), space,
			      o->codec == NONE ? NULL : chunk, o);
	ok(H5Dwrite(dset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows), s->path);
	if (s->read == read_eef_pose)
		text_attr(dset, "quaternion_order", "xyzw");
	H5Dclose(dset);
	H5Sclose(space);
	free(rows);
}

static void write_frames(hid_t loc, const struct signal *s, struct arm *a, const struct clock *c,
			 const struct options *o)
{
	hsize_t one[4] = {1, (hsize_t)o->height, (hsize_t)o->width, 3}, at[4] = {0};
	hsize_t dims[4] = {c->n, one[1], one[2], one[3]};
	hid_t space = H5Screate_simple(4, dims, NULL), row = H5Screate_simple(4, one, NULL), dset;
	struct frame f = {o->width, o->height, get((size_t)(one[1] * one[2] * one[3]), 1)};

	dset = create_dataset(loc, s->path, H5T_STD_U8LE, space,
			      o->codec == NONE && !o->chunk_frames ? NULL : one, o);
	for (; at[0] < c->n; at[0]++) {
		s->see(a, c->t[at[0]], &f);
		H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
		ok(H5Dwrite(dset, H5T_NATIVE_UINT8, row, space, H5P_DEFAULT, f.rgb), s->path);
	}
	H5Dclose(dset);
	H5Sclose(row);
	H5Sclose(space);
	free(f.rgb);
}

static void write_signals(hid_t loc, const struct signal *s, size_t n, struct arm *a,
			  const struct clock *c, const struct options *o)
{
	for (size_t i = 0; i < n && s[i].path; i++) {
		if (s[i].see)
			write_frames(loc, &s[i], a, c, o);
		else
			write_numbers(loc, &s[i], a, c, o);
	}
}

static void write_stamps(hid_t loc, const struct clock *c)
{
	hid_t space = H5Screate_simple(1, &c->n, NULL), dset;
	const struct options plain = {.codec = NONE};

	dset = create_dataset(loc, "timestamp", H5T_STD_I64LE, space, NULL, &plain);
	ok(H5Dwrite(dset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, c->stamp), "timestamp");
	text_attr(dset, "unit", "ns");
	H5Dclose(dset);
	H5Sclose(space);
}

/* --- clocks -------------------------------------------------------------------------------- */

static void clock_free(struct clock *c)
{
	free(c->t);
	free(c->stamp);
}

/* A device's own idea of its rate, the host's delay in stamping, and what got lost. */
static void clock_measured(struct clock *c, const struct logger *l, uint64_t r, int64_t start_ns,
			   double seconds, bool loses_burst)
{
	double period = (1 + uniform(&r, -50e-6, 50e-6)) / l->hz;
	double t = uniform(&r, 0, fmin(period, 0.02));
	double lost = seconds * uniform(&r, 0.3, 0.6);
	size_t most = (size_t)(seconds / period) + 2;

	*c = (struct clock){0, get(most, sizeof *c->t), get(most, sizeof *c->stamp)};
	for (; t < seconds; t += period) {
		double late = uniform(&r, 0, 1);

		late = l->latency_s + 0.35 * period * late * late * late;
		if (loses_burst && t >= lost && t < lost + LOST_BURST_S)
			continue;
		c->t[c->n] = t;
		c->stamp[c->n++] = start_ns + llround((t + late) * 1e9);
	}
}

static void clock_nominal(struct clock *c, int hz, double seconds)
{
	*c = (struct clock){(hsize_t)(seconds * hz), NULL, NULL};
	c->t = get(c->n, sizeof *c->t);
	for (hsize_t i = 0; i < c->n; i++)
		c->t[i] = (double)i / hz;
}

/* --- layouts ------------------------------------------------------------------------------- */

static const struct logger loggers[] = {
	{"joint_state", 500, 0, {{"joint_pos", 'd', 7, read_joint_pos, NULL},
				 {"joint_vel", 'f', 7, read_joint_vel, NULL}}},
	{"wrench", 1000, 0, {{"wrench", 'f', 6, read_wrench, NULL}}},
	{"eef_pose", 100, 0, {{"eef_pose", 'd', 7, read_eef_pose, NULL}}},
	{"gripper", 50, 0, {{"gripper", 'b', 0, read_gripper, NULL}}},
	{"action", 20, 0, {{"action", 'f', 7, read_action, NULL}}},
	{"cam_front", 30, 0.035, {{"cam_front", 'b', 0, NULL, see_front}}},
	{"cam_wrist", 30, 0.022, {{"cam_wrist", 'b', 0, NULL, see_wrist}}},
};
#define N_LOGGERS (sizeof loggers / sizeof loggers[0])

static void record_raw(const struct options *o)
{
	for (long e = 0; e < o->episodes; e++) {
		hid_t file = create_file(o, "episode_%04ld.h5", e);
		int64_t start_ns = EPOCH_NS + llround((double)e * (o->seconds + 30) * 1e9);
		struct arm a;

		arm_init(&a, o->seconds, o->seed, (uint64_t)e);
		text_attr(file, "language_instruction", LANGUAGE);
		text_attr(file, "robot", "simulated 7-joint arm");
		for (size_t i = 0; i < N_LOGGERS; i++) {
			const struct logger *l = &loggers[i];
			bool loses = l->signals[0].read == read_wrench && e % 3 == 1;
			hid_t group = create_group(file, l->group);
			struct clock c;

			clock_measured(&c, l, substream(o->seed, (uint64_t)e, 16 + i), start_ns,
				       o->seconds, loses);
			write_signals(group, l->signals, 2, &a, &c, o);
			write_stamps(group, &c);
			clock_free(&c);
			H5Gclose(group);
		}
		ok(H5Fclose(file), "episode");
	}
}

static const struct signal robomimic[] = {
	{"obs/robot0_joint_pos", 'd', 7, read_joint_pos, NULL},
	{"obs/robot0_joint_vel", 'd', 7, read_joint_vel, NULL},
	{"obs/robot0_eef_pos", 'd', 3, read_eef_pos, NULL},
	{"obs/robot0_eef_quat", 'd', 4, read_eef_quat, NULL},
	{"obs/robot0_gripper_qpos", 'd', 2, read_gripper_qpos, NULL},
	{"obs/agentview_image", 'b', 0, NULL, see_front},
	{"obs/robot0_eye_in_hand_image", 'b', 0, NULL, see_wrist},
	{"actions", 'd', 7, read_action, NULL},
	{"rewards", 'd', 0, read_reward, NULL},
	{"dones", 'l', 0, read_done, NULL},
};

/* Names of demos [first, last) as robomimic keeps a split: fixed-length bytes. */
static void write_mask(hid_t file, const char *path, long first, long last)
{
	enum { LEN = 12 };
	char *names = get((size_t)(last - first), LEN);
	hsize_t n = (hsize_t)(last - first);
	hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL), dset;
	const struct options plain = {.codec = NONE};

	H5Tset_size(type, LEN);
	H5Tset_strpad(type, H5T_STR_NULLPAD);
	for (long i = first; i < last; i++)
		snprintf(names + (i - first) * LEN, LEN, "demo_%ld", i);
	dset = create_dataset(file, path, type, space, NULL, &plain);
	ok(H5Dwrite(dset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names), path);
	H5Dclose(dset);
	H5Sclose(space);
	H5Tclose(type);
	free(names);
}

static void record_robomimic(const struct options *o)
{
	hid_t file = create_file(o, "demo.hdf5", 0), data = create_group(file, "data");
	long n_valid = (o->episodes + 9) / 10;
	struct clock c;

	clock_nominal(&c, ROBOMIMIC_HZ, o->seconds);
	text_attr(data, "env_args", "{\"env_name\": \"PickBox\", \"type\": 1, "
				    "\"env_kwargs\": {\"control_freq\": 20}}");
	number_attr(data, "total", (int64_t)c.n * o->episodes);
	for (long e = 0; e < o->episodes; e++) {
		char name[32];
		struct arm a;
		hid_t demo;

		snprintf(name, sizeof name, "demo_%ld", e);
		demo = create_group(data, name);
		arm_init(&a, o->seconds, o->seed, (uint64_t)e);
		write_signals(demo, robomimic, sizeof robomimic / sizeof robomimic[0], &a, &c, o);
		number_attr(demo, "num_samples", (int64_t)c.n);
		text_attr(demo, "ep_meta", "{\"lang\": \"" LANGUAGE "\"}");
		H5Gclose(demo);
	}
	if (n_valid < o->episodes) {
		write_mask(file, "mask/train", 0, o->episodes - n_valid);
		write_mask(file, "mask/valid", o->episodes - n_valid, o->episodes);
	}
	clock_free(&c);
	H5Gclose(data);
	ok(H5Fclose(file), "demo.hdf5");
}

static const struct signal aloha[] = {
	{"observations/images/cam_high", 'b', 0, NULL, see_front},
	{"observations/images/cam_right_wrist", 'b', 0, NULL, see_wrist},
	{"observations/qpos", 'f', 8, read_qpos, NULL},
	{"observations/qvel", 'f', 8, read_qvel, NULL},
	{"observations/effort", 'f', 8, read_effort, NULL},
	{"action", 'f', 8, read_target, NULL},
};

static void record_aloha(const struct options *o)
{
	struct options chunked = *o;
	struct clock c;

	chunked.chunk_frames = true;
	clock_nominal(&c, ALOHA_HZ, o->seconds);
	for (long e = 0; e < o->episodes; e++) {
		hid_t file = create_file(o, "episode_%ld.hdf5", e);
		struct arm a;

		arm_init(&a, o->seconds, o->seed, (uint64_t)e);
		bool_attr(file, "sim", true);
		write_signals(file, aloha, sizeof aloha / sizeof aloha[0], &a, &c, &chunked);
		ok(H5Fclose(file), "episode");
	}
	clock_free(&c);
}

/* --- command line -------------------------------------------------------------------------- */

static const char usage[] =
	"usage: record_sample -o DIR [options]\n"
	"Writes a sample dataset of a simulated 7-joint arm into DIR.\n"
	"\n"
	"  -o, --output DIR       folder to write into; made if absent\n"
	"      --layout NAME      raw (default), robomimic or aloha\n"
	"      --episodes N       how many (default 5)\n"
	"      --seconds S        length of each, 1 to 3600 (default 10)\n"
	"      --size WxH         of a camera picture (default 128x96)\n"
	"      --compression C    none (default), gzip[:1-9] or zstd[:1-19]\n"
	"      --seed N           other motions and noise (default 1)\n"
	"  -h, --help             this text\n";

static long to_long(const char *name, const char *text, long min, long max)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (errno || end == text || *end || v < min || v > max)
		die("--%s '%s': give a whole number from %ld to %ld", name, text, min, max);
	return v;
}

static void set_size(struct options *o, const char *text)
{
	char rest;

	if (sscanf(text, "%4ldx%4ld%c", &o->width, &o->height, &rest) != 2 || o->width < 16 ||
	    o->height < 16)
		die("--size '%s': give WIDTHxHEIGHT, each 16 to 9999, such as 128x96", text);
}

static void set_compression(struct options *o, const char *text)
{
	const char *level = strchr(text, ':');
	size_t n = level ? (size_t)(level - text) : strlen(text);

	if (n == 4 && !strncmp(text, "gzip", n)) {
		o->codec = GZIP;
		o->level = level ? to_long("compression gzip", level + 1, 1, 9) : 4;
	} else if (n == 4 && !strncmp(text, "zstd", n)) {
		o->codec = ZSTD;
		o->level = level ? to_long("compression zstd", level + 1, 1, 19) : 3;
	} else if (!strcmp(text, "none")) {
		o->codec = NONE;
	} else {
		die("--compression '%s': give none, gzip[:1-9] or zstd[:1-19]", text);
	}
}

static void set_layout(struct options *o, const char *text)
{
	static const struct {
		const char *name;
		void (*record)(const struct options *o);
	} layouts[] = {
		{"raw", record_raw}, {"robomimic", record_robomimic}, {"aloha", record_aloha}};

	o->record = NULL;
	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
		if (!strcmp(text, layouts[i].name))
			o->record = layouts[i].record;
	if (!o->record)
		die("--layout '%s': give raw, robomimic or aloha", text);
}

static void set_seconds(struct options *o, const char *text)
{
	char *end;

	o->seconds = strtod(text, &end);
	if (end == text || *end || !(o->seconds >= 1 && o->seconds <= 3600))
		die("--seconds '%s': give a number from 1 to 3600", text);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"output", required_argument, NULL, 'o'},
		{"layout", required_argument, NULL, 'l'},
		{"episodes", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 's'},
		{"size", required_argument, NULL, 'x'},
		{"compression", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", table, NULL)) != -1) {
		if (c == 'o')
			o->dir = optarg;
		else if (c == 'l')
			set_layout(o, optarg);
		else if (c == 'n')
			o->episodes = to_long("episodes", optarg, 1, 100000);
		else if (c == 's')
			set_seconds(o, optarg);
		else if (c == 'x')
			set_size(o, optarg);
		else if (c == 'c')
			set_compression(o, optarg);
		else if (c == 'r')
			o->seed = (uint64_t)to_long("seed", optarg, 0, 1000000000);
		else if (c == 'h')
			exit(fputs(usage, stdout) < 0 || fflush(stdout));
		else
			exit(2);
	}
	if (optind < argc)
		die("'%s' is not an option; see --help", argv[optind]);
	if (!o->dir)
		die("no output folder; give -o DIR");
}

int main(int argc, char **argv)
{
	static const H5Z_class2_t zstd = {
		H5Z_CLASS_T_VERS, FILTER_ZSTD, 1, 0, "zstd", NULL, NULL, zstd_encode};
	struct options o = {.episodes = 5, .seconds = 10, .width = 128, .height = 96, .seed = 1,
			    .record = record_raw};

	parse(&o, argc, argv);
	if (mkdir(o.dir, 0777) && errno != EEXIST)
		die("cannot make folder '%s': %s", o.dir, strerror(errno));
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	ok(H5Zregister(&zstd), "filter");
	o.record(&o);
	return 0;
}
