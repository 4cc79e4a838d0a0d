/* SPDX-License-Identifier: Apache-2.0 */
/* From what the user named to a list of input files in natural order, each once. */
#ifndef RC_INPUTS_H
#define RC_INPUTS_H

#include <stdbool.h>

#include "base/err.h"

struct rc_unpacked;

struct rc_input_file {
	char *path;  /* to open it; of what lies in a container its name in rc_unpacked */
	char *label; /* "raw/day1/ep_3.h5": the same on every machine, for episode ids */
	char *root;  /* directory that was named, or the one that a named file is in; NULL in a
		      * container */
	bool unpacked; /* it lies in a container, or is one */
};

struct rc_inputs {
	struct rc_input_file *files;
	size_t n, cap;
};

struct rc_input_options {
	char *const *operands; /* files and directories */
	int n_operands;
	const char *files_from; /* or NULL; "-" is standard input */
	bool null_separated;
	const char *exclude_dir; /* output directory: never descended into; or NULL */
	struct rc_unpacked *unpacked; /* takes what lies in containers */
};

/*
 * Directories are walked recursively for *.h5, *.hdf5, *.h5.zst, *.hdf5.zst, *.tar and *.tar.zst
 * (any case), without following symbolic links to directories and leaving out names that start
 * with a dot, and files in zstd that lie beside the same file unpacked; named files are taken
 * whatever their suffix and known by what is in them.  Links that lead nowhere are listed, for the
 * scan to tell.  "-" is standard input.  Archives and standard input are unpacked here, and their
 * members take their place.  Order: operands as given, files of a directory and members of an
 * archive in natural order.  ".zst" is no part of a label, and a byte of it that is no UTF-8 is
 * written as "\xff".
 * Nothing found, or a path that does not exist, is RC_E_USAGE with what to do.
 */
int rc_inputs_collect(const struct rc_input_options *opt, struct rc_inputs *in_out,
		      struct rc_err *err);
void rc_inputs_release(struct rc_inputs *in);

#endif
