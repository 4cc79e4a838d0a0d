/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "base/path.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

const char *rc_path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int rc_path_parent(const char *path, char **dir_out, struct rc_err *err)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	return n ? rc_sprintf(dir_out, err, "%.*s", (int)n, path) : rc_strdup(dir_out, ".", err);
}

bool rc_path_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int rc_path_nearest_dir(const char *path, char **dir_out, struct rc_err *err)
{
	char *dir, *above;
	int rc = rc_strdup(&dir, path, err);

	while (!rc && dir && !rc_path_is_dir(dir)) {
		rc = rc_path_parent(dir, &above, err);
		if (!rc && !strcmp(above, dir)) {
			free(above);
			above = NULL;
		}
		free(dir);
		dir = above;
	}
	*dir_out = dir;
	return rc;
}

struct rc_file_id rc_file_id(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return (struct rc_file_id){0};
	return (struct rc_file_id){ st.st_dev, st.st_ino };
}

int rc_file_id_cmp(struct rc_file_id a, struct rc_file_id b)
{
	if (a.dev != b.dev)
		return a.dev < b.dev ? -1 : 1;
	return (a.ino > b.ino) - (a.ino < b.ino);
}
