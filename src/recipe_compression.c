/* SPDX-License-Identifier: Apache-2.0 */
/* The text of --compression: one codec for all streams, or one for each kind of stream. */
#include "base/compat.h"

#include "base/names.h"
#include "recipe.h"

static const char *const classes[RC_CLASS_COUNT] = {"images", "low-dim"};

static const struct {
	const char *name;
	enum rc_codec codec;
	int dflt, lo, hi;
} codecs[] = {
	{"none", RC_CODEC_NONE, 0, 0, 0},
	{"gzip", RC_CODEC_GZIP, 4, 1, 12},
	{"zstd", RC_CODEC_ZSTD, 3, RC_ZSTD_LEVEL_MIN, RC_ZSTD_LEVEL_MAX},
};

static int parse_level(const char *s, size_t i_codec, int *level_out, struct rc_err *err)
{
	int64_t level;
	int rc = rc_parse_int(s, "the level in --compression", codecs[i_codec].lo,
			      codecs[i_codec].hi, &level, err);

	if (!rc && !level)
		rc = rc_fail(err, RC_E_USAGE, "compression",
			     "the level in --compression is 0; %s has %d to -1 and 1 to %d",
			     codecs[i_codec].name, codecs[i_codec].lo, codecs[i_codec].hi);
	if (!rc)
		*level_out = (int)level;
	return rc;
}

/* "keep", "none", "gzip:4" */
static int parse_codec(const char *s, const char *whole, struct rc_compression *c,
		       struct rc_err *err)
{
	const char *colon = strchr(s, ':');
	size_t len = colon ? (size_t)(colon - s) : strlen(s);

	*c = (struct rc_compression){.keep = !strcmp(s, "keep"), .encoding.shuffle = true};
	if (c->keep)
		return 0;
	for (size_t i = 0; i < RC_ARRAY_LEN(codecs); i++) {
		if (strlen(codecs[i].name) != len || memcmp(codecs[i].name, s, len))
			continue;
		if (colon && codecs[i].codec == RC_CODEC_NONE)
			break;
		c->encoding.codec = codecs[i].codec;
		c->encoding.level = codecs[i].dflt;
		return colon ? parse_level(colon + 1, i, &c->encoding.level, err) : 0;
	}
	if (!strcmp(s, whole))
		return rc_fail(err, RC_E_USAGE, "compression",
			       "--compression '%s' is not keep, none, gzip[:LEVEL] or "
			       "zstd[:LEVEL]", s);
	return rc_fail(err, RC_E_USAGE, "compression",
		       "'%s' in --compression '%s' is not keep, none, gzip[:LEVEL] or "
		       "zstd[:LEVEL]", s, whole);
}

static int find_class(const char *name, const char *whole, struct rc_err *err)
{
	const char *near;

	for (int i = 0; i < RC_CLASS_COUNT; i++)
		if (!strcmp(classes[i], name))
			return i;
	near = rc_nearest_name(name, classes, RC_CLASS_COUNT);
	if (near)
		return rc_fail(err, RC_E_USAGE, "compression",
			       "'%s' in --compression '%s' is no kind of stream; did you mean "
			       "'%s'?", name, whole, near);
	return rc_fail(err, RC_E_USAGE, "compression",
		       "'%s' in --compression '%s' is no kind of stream; the kinds are images and "
		       "low-dim", name, whole);
}

/* "images=zstd:1", or a codec for all that comes before any of those. */
static int parse_item(char *item, const char *whole, struct rc_compression *out, bool *seen,
		      struct rc_err *err)
{
	char *equals = strchr(item, '=');
	struct rc_compression all;
	int rc, i;

	if (!equals) {
		rc = parse_codec(item, whole, &all, err);
		for (i = 0; !rc && i < RC_CLASS_COUNT; i++)
			out[i] = all;
		return rc;
	}
	*equals = '\0';
	i = find_class(item, whole, err);
	if (i < 0)
		return i;
	if (seen[i])
		return rc_fail(err, RC_E_USAGE, "compression", "--compression '%s' names %s twice",
			       whole, item);
	seen[i] = true;
	return parse_codec(equals + 1, whole, &out[i], err);
}

int rc_parse_compression(const char *s, struct rc_compression out[RC_CLASS_COUNT],
			 struct rc_err *err)
{
	bool seen[RC_CLASS_COUNT] = {false};
	char item[64];
	size_t n_items = 0;
	int rc = 0;

	for (int i = 0; i < RC_CLASS_COUNT; i++)
		out[i] = (struct rc_compression){.keep = true};
	for (const char *p = s; p && !rc; n_items++) {
		size_t len = strcspn(p, ",");

		snprintf(item, sizeof item, "%.*s", (int)len, p);
		if (n_items && !strchr(item, '='))
			return rc_fail(err, RC_E_USAGE, "compression",
				       "'%s' in --compression '%s' is not KIND=CODEC; only the "
				       "first may be for all streams", item, s);
		rc = parse_item(item, s, out, seen, err);
		p = p[len] ? p + len + 1 : NULL;
	}
	return rc;
}
