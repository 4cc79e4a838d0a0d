/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that people and earlier runs wrote: recipes, maps, and the journal of an output. */
#include "base/compat.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/map.h"
#include "journal.h"
#include "recipe.h"
#include "tests/fuzz/fuzz.h"

#define AT(field) offsetof(struct rc_settings, field)

/* A recipe sets options like these. */
static const struct rc_opt rows[] = {
	{.name = "layout-in", .type = RC_OPT_STRING, .offset = AT(layout_in), .arg = "NAME"},
	{.name = "layout", .type = RC_OPT_STRING, .offset = AT(layout_out), .dflt = "robomimic",
	 .arg = "NAME"},
	{.name = "compression", .type = RC_OPT_STRING, .offset = AT(compression), .dflt = "keep",
	 .arg = "CODEC"},
	{.name = "shard-size", .type = RC_OPT_SIZE, .offset = AT(shard_size), .dflt = "4GiB",
	 .arg = "SIZE"},
	{.name = "split", .type = RC_OPT_STRING, .offset = AT(split), .arg = "X"},
	{.name = "rate", .type = RC_OPT_RATE, .offset = AT(rate), .arg = "HZ"},
	{.name = "source-rate", .type = RC_OPT_LIST, .offset = AT(source_rate), .arg = "HZ"},
	{.name = "method", .type = RC_OPT_LIST, .offset = AT(method), .arg = "X"},
	{.name = "fuse", .type = RC_OPT_LIST, .offset = AT(fuse), .arg = "X"},
	{.name = "keep", .type = RC_OPT_LIST, .offset = AT(keep), .arg = "X"},
	{.name = "rename", .type = RC_OPT_LIST, .offset = AT(rename), .arg = "X"},
	{.name = "dtype", .type = RC_OPT_LIST, .offset = AT(dtype), .arg = "X"},
	{.name = "latency", .type = RC_OPT_LIST, .offset = AT(latency), .arg = "X"},
	{.name = "max-gap", .type = RC_OPT_DURATION, .offset = AT(max_gap_ns), .arg = "TIME"},
	{.name = "decode", .type = RC_OPT_FLAG, .offset = AT(decode)},
};

static int file_of(const uint8_t *p, size_t n, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void try_recipe(const uint8_t *p, size_t n)
{
	struct rc_settings set = {0};
	struct rc_opts opts = {.command = "convert", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	char path[64], *argv[] = {(char *)"convert", NULL};
	struct rc_json *root = NULL;
	struct rc_recipe recipe;
	struct rc_buf text;
	struct rc_err err;
	int fd = file_of(p, n, path);

	rc_buf_init(&text);
	FUZZ_CHECK(rc_opts_parse(&opts, 1, argv, &err) == 0);
	if (!rc_recipe_load(path, &opts, &root, &err) &&
	    !rc_recipe_compile(&set, &recipe, &err)) {
		FUZZ_CHECK(rc_recipe_json(&opts, &text, &err) == 0);
		rc_recipe_release(&recipe);
	}
	rc_json_free(root);
	rc_buf_release(&text);
	rc_opts_release(&opts);
	close(fd);
}

static void try_map(const uint8_t *p, size_t n)
{
	struct rc_json *root = NULL;
	struct rc_map *m = NULL;
	struct rc_err err;

	if (!rc_json_parse((const char *)p, n, "fuzz", &root, &err))
		rc_map_new(root, "fuzz", &m, &err);
	rc_map_free(m);
	rc_json_free(root);
}

/* Lines get their digests, without which nothing is looked at. */
static void try_journal(const uint8_t *p, size_t n)
{
	static char dir[64], path[96];
	struct rc_past past = {0};
	struct rc_buf lines;
	struct rc_err err;
	int fd;

	if (!*dir) {
		snprintf(dir, sizeof dir, "/tmp/robocache-fuzz-XXXXXX");
		FUZZ_CHECK(mkdtemp(dir));
		snprintf(path, sizeof path, "%s/journal.ndjson", dir);
	}
	rc_buf_init(&lines);
	for (size_t at = 0; at < n;) {
		const uint8_t *end = memchr(p + at, '\n', n - at);
		size_t len = end ? (size_t)(end - p) - at : n - at;
		struct rc_json *o = NULL;

		if (!rc_json_parse((const char *)p + at, len, "line", &o, &err) &&
		    rc_json_is_object(o))
			rc_line_put(o, &lines, &err);
		else
			rc_buf_add(&lines, p + at, len);
		rc_json_free(o);
		at += len + 1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, lines.p, lines.len) == (ssize_t)lines.len);
	close(fd);
	if (!rc_past_read(dir, &past, &err))
		for (size_t i = 0; i < past.n_lines; i++)
			rc_json_free(rc_past_shard(&past, (size_t)past.lines[i].shard));
	rc_past_release(&past);
	rc_buf_release(&lines);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	switch (p[0]) {
	case 'r': try_recipe(p + 1, n - 1); break;
	case 'm': try_map(p + 1, n - 1); break;
	default: try_journal(p + 1, n - 1);
	}
	return 0;
}

void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n))
{
	static const char recipe[] =
		"r{\"rate\": 20, \"method\": {\"*\": \"linear\", \"quat\": \"slerp\"}, "
		"\"fuse\": {\"state\": [\"qpos\", \"gripper\"]}, \"dtype\": {\"*\": \"f32\"}, "
		"\"split\": {\"train\": 0.9, \"valid\": 0.1}, \"max_gap\": \"200ms\", "
		"\"latency\": {\"cam\": 35}, \"compression\": {\"images\": \"zstd:3\"}, "
		"\"rename\": {\"a\": \"b\"}, \"keep\": [\"a*\"], \"decode\": true}";
	static const char map[] =
		"m{\"episodes\": \"runs/*\", \"streams\": [{\"path\": \"arms/*/q\", "
		"\"name\": \"$1\", \"clock\": \"arms/$1/t\", \"unit\": \"ms\"}, "
		"{\"path\": \"arms/*/a\", \"rate\": 30, \"role\": \"action\"}, "
		"{\"path\": \"zip/**\", \"skip\": true}], \"language\": \"text\", "
		"\"quaternion_order\": \"wxyz\", \"rate\": 20}";
	static const char journal[] =
		"j{\"schema\": \"robocache-journal-1\", \"version\": \"0.1.0\", "
		"\"libraries\": \"zstd\", \"layout\": \"robomimic\", \"recipe_json\": \"{}\", "
		"\"container\": \"h5\", \"inputs\": 1, \"shards\": 2, "
		"\"plan\": \"00112233445566778899aabbccddeeff\"}\n"
		"{\"input\": \"raw/a.h5\", \"path\": \"raw/a.h5\", \"bytes\": 10, "
		"\"mtime_ns\": \"1\", \"index\": \"00112233445566778899aabbccddeeff\"}\n"
		"{\"shard\": 0, \"key\": \"00112233445566778899aabbccddeeff\", "
		"\"path\": \"shard-00000.h5\", \"bytes\": 100, \"episodes\": []}\n";

	put("recipe", recipe, sizeof recipe - 1);
	put("map", map, sizeof map - 1);
	put("journal", journal, sizeof journal - 1);
}
