/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/sidecar.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "formats/protocol.h"

/* Without a suffix: of "x.h5" the first `n` bytes, less what is behind the last dot of the name. */
static size_t stem(const char *input, size_t n)
{
	for (size_t i = n; i > 1 && input[i - 1] != '/'; i--)
		if (input[i - 1] == '.' && input[i - 2] != '/')
			return i - 1;
	return n;
}

/* x.json for x.h5 and x.h5.zst; false for standard input and an input that has that name itself. */
static bool name_beside(const char *input, char **path_out)
{
	size_t n = strlen(input);

	if (n > 4 && !strcasecmp(input + n - 4, ".zst"))
		n -= 4;
	n = stem(input, n);
	return strcmp(input, "-") != 0 &&
	       !rc_sprintf(path_out, NULL, "%.*s.json", (int)n, input) &&
	       strcmp(*path_out, input) != 0;
}

int rc_sidecar_open(struct rc_readers *p, const char *input, struct rc_sidecar_id *id_out)
{
	char *path = NULL;
	struct stat st;
	int fd = -1;

	*id_out = (struct rc_sidecar_id){ 0 };
	if (name_beside(input, &path) && !rc_input_open(p, path, &fd, &st, NULL)) {
		id_out->bytes = (uint64_t)st.st_size;
		id_out->mtime_ns = rc_mtime_ns(&st);
	}
	free(path);
	return fd;
}

static bool read_all(int fd, char *dst, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = pread(fd, dst + at, n - at, (off_t)at);
		if (k <= 0 && !(k < 0 && errno == EINTR))
			return false;
		at += k > 0 ? (size_t)k : 0;
	}
	return true;
}

void rc_sidecar_read(int fd, uint64_t bytes, struct rc_json **root_out, struct rc_index_builder *b)
{
	struct rc_err err = { 0 };
	char *text = NULL;

	*root_out = NULL;
	if (fd < 0)
		return;
	if (bytes > RC_SIDECAR_MAX_BYTES) {
		rc_ixb_note(b, RC_NOTE_WARNING, "bad_sidecar", "/",
			    "the JSON file beside it is not read: it has more than %d MiB",
			    RC_SIDECAR_MAX_BYTES >> 20);
		return;
	}
	if (rc_new_array(&text, bytes + 1, 1, &err))
		return;
	if (!read_all(fd, text, bytes))
		rc_ixb_note(b, RC_NOTE_WARNING, "bad_sidecar", "/",
			    "the JSON file beside it cannot be read to its end");
	else if (rc_json_parse(text, bytes, "the JSON file beside it", root_out, &err))
		rc_ixb_note(b, RC_NOTE_WARNING, "bad_sidecar", "/", "%s", err.msg);
	free(text);
}
