/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the options of `robocache convert` land, and what recipe keys set: text and numbers as the
 * user gave them.  src/recipe.h turns them into checked rules.  Strings are borrowed from argv,
 * the environment or the recipe text, which outlive the run.
 */
#ifndef RC_SETTINGS_H
#define RC_SETTINGS_H

#include "base/num.h"
#include "base/opt.h"

enum rc_timeline_mode {
	RC_TIMELINE_AUTO,         /* reference if one is named, else intersection */
	RC_TIMELINE_INTERSECTION, /* latest first sample to earliest last sample */
	RC_TIMELINE_REFERENCE,    /* the reference stream's span, or, without a rate, its stamps */
	RC_TIMELINE_UNION         /* earliest first to latest last, with validity */
};
#define RC_TIMELINE_CHOICES "auto|intersection|reference|union"

enum rc_container_out { RC_CONTAINER_OUT_H5, RC_CONTAINER_OUT_ZST };
#define RC_CONTAINER_CHOICES "h5|h5.zst"

enum rc_gap_policy { RC_GAP_FLAG, RC_GAP_DROP };
#define RC_GAP_CHOICES "flag|drop"

enum rc_channel_order { RC_CHANNELS_AUTO, RC_CHANNELS_RGB, RC_CHANNELS_BGR };
#define RC_CHANNEL_CHOICES "auto|rgb|bgr"

#define RC_PROGRESS_CHOICES "auto|bar|plain|none"

struct rc_settings {
	/* what goes in */
	const char *files_from;
	bool null_separated;
	const char *layout_in;
	const char *map;                   /* a file; its text from rc_map_load() on */
	bool allow_external;
	const char *index;
	const char *scratch_dir;
	/* what comes out */
	const char *output;
	const char *layout_out;
	const char *compression;
	int container;                     /* enum rc_container_out */
	uint64_t shard_size;
	int64_t shard_episodes;
	const char *split;
	int64_t seed;
	bool force;
	bool resume;
	bool dry_run;
	const char *report;
	/* the recipe */
	const char *recipe;
	struct rc_rate rate;               /* num 0: none */
	struct rc_opt_list source_rate;    /* [STREAM:]HZ */
	const char *reference;
	int timeline;                      /* enum rc_timeline_mode */
	struct rc_opt_list method;         /* [STREAM:]NAME */
	struct rc_opt_list fuse;           /* NAME=STREAM,... */
	bool keep_members;
	struct rc_opt_list keep, drop;     /* GLOB,... */
	struct rc_opt_list rename;         /* OLD=NEW */
	struct rc_opt_list dtype;          /* [STREAM:]TYPE */
	struct rc_opt_list convert;        /* [STREAM:]STEP */
	struct rc_opt_list convention;     /* [STREAM:]KEY=VALUE */
	bool decode;
	int channel_order;                 /* enum rc_channel_order */
	int64_t max_gap_ns;                /* 0: no limit */
	int gap_policy;                    /* enum rc_gap_policy */
	struct rc_opt_list latency;        /* STREAM=MS */
	struct rc_opt_list clock_repair;   /* [STREAM:]HOW */
	/* how it runs */
	int64_t threads;                   /* 0: all allowed CPUs */
	const char *device;
	int sandbox;                       /* enum rc_sandbox_mode */
	int on_gpu_error;                  /* enum rc_gpu_error */
	struct rc_amount memory, device_memory;
	int simd;
	bool strict;
	const char *max_bad;               /* N or N%; NULL: no limit */
	bool retry_quarantined;
	int64_t time_limit_ns;             /* 0: none */
	int progress;
	int quiet, verbose;
	bool help, dump_options;
};

#endif
