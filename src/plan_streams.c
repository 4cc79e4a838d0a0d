/* SPDX-License-Identifier: Apache-2.0 */
/* One episode of the plan: from its input streams and the recipe to its output streams. */
#include "base/compat.h"

#include "plan_private.h"

#include "base/mem.h"
#include "base/names.h"
#include "formats/chunk.h"

#define MAX_ROW_BYTES ((uint64_t)1 << 30)
#define MAX_ROWS ((uint64_t)1 << 28)

/* --- selection, clocks, methods --------------------------------------------------------------- */

static void choose_clock(struct planner *p, struct candidate *c)
{
	const struct rc_stream_clock *k = &c->s->clock;
	struct rc_recipe *recipe = p->recipe;
	const struct rc_rule *r =
		rc_rules_match_either(&recipe->source_rate, c->name, c->out_name);

	c->src.clock = (enum rc_clock_kind)k->kind;
	c->src.rate = (struct rc_rate){k->rate_num, k->rate_den};
	c->src.rate_origin = rc_index_str(p->ix, k->rate_origin);
	c->src.anchored = k->anchored;
	c->src.start_ns = k->anchored ? k->first_ns : 0;
	if (r && (!r->is_default || k->kind != RC_CLOCK_MEASURED)) {
		c->src.clock = RC_CLOCK_NOMINAL;
		c->src.rate = r->rate;
		c->src.rate_origin = "option";
		c->src.anchored = false;
		c->src.start_ns = 0;
	}
	r = rc_rules_match_either(&recipe->latency, c->name, c->out_name);
	c->src.latency_ns = r ? r->ns : 0;
	r = rc_rules_match_either(&recipe->clock_repair, c->name, c->out_name);
	c->src.repairs = r ? r->number : 0;
}

static bool method_fits(enum rc_method m, const struct candidate *c)
{
	uint64_t width = rc_dataset_row_elements(c->d);

	if (rc_method_reduces(m))
		return c->s->kind == RC_KIND_LOWDIM && !c->src.form.turn;
	if (c->src.form.turn) /* rows may change sign, which is nothing to the rotation */
		return m != RC_METHOD_LINEAR;
	if (m == RC_METHOD_LINEAR)
		return !plan_is_frames(c->s->kind);
	if (m == RC_METHOD_SLERP)
		return !plan_is_frames(c->s->kind) && (width == 4 || width == 7);
	return true;
}

/* Says which do fit. */
static int refuse_method(const struct candidate *c, const char *method, struct rc_err *err)
{
	char fit[128];
	size_t n = 0;

	for (enum rc_method m = 0; m < RC_METHOD_COUNT; m++)
		if (method_fits(m, c))
			n += (size_t)snprintf(fit + n, sizeof fit - n, "%s%s", n ? ", " : "",
					      rc_method_name(m));
	return rc_fail(err, RC_E_USAGE, "method",
		       "method %s does not fit stream '%s' (%s, %llu values a row), which takes %s",
		       method, c->name, rc_kind_name((enum rc_kind)c->s->kind),
		       (unsigned long long)rc_dataset_row_elements(c->d), fit);
}

static int choose_method(struct planner *p, struct candidate *c, struct rc_err *err)
{
	enum rc_method m = rc_method_default((enum rc_kind)c->s->kind, (enum rc_dtype)c->d->dtype);
	const struct rc_rule *r = rc_rules_match_either(&p->recipe->method, c->name, c->out_name);

	if (c->src.form.turn)
		m = RC_METHOD_SLERP;
	else if (c->s->role == RC_ROLE_DONE)
		m = RC_METHOD_PREVIOUS;
	if (r && r->is_default && c->s->role == RC_ROLE_DONE)
		r = NULL; /* who names no stream means the data, not the flag that they end */
	if (r && method_fits((enum rc_method)r->number, c))
		m = (enum rc_method)r->number;
	else if (r && !r->is_default)
		return refuse_method(c, r->value, err);
	c->src.method = m;
	c->src.quat_first = -1;
	if (m == RC_METHOD_SLERP && c->src.form.turn)
		c->src.quat_first = (int8_t)c->src.quat_at;
	else if (m == RC_METHOD_SLERP)
		c->src.quat_first = rc_dataset_row_elements(c->d) == 7 ? 3 : 0;
	return 0;
}

static bool selected(struct planner *p, const struct candidate *c)
{
	struct rc_recipe *r = p->recipe;
	bool keep = r->keep.n == 0 || rc_rules_match_either(&r->keep, c->name, c->out_name);

	return !rc_rules_match_either(&r->drop, c->name, c->out_name) && keep;
}

/* Encoded frames stay bytes, and under --decode there are none but those that cannot be. */
static int check_encoded(struct planner *p, const struct candidate *c, struct rc_err *err)
{
	const struct rc_rule *r = rc_rules_match_either(&p->recipe->dtype, c->name, c->out_name);
	const struct rc_frames *f = &c->d->frames;

	if (p->recipe->set->decode && !rc_frames_decodable(f))
		return rc_fail(err, RC_E_USAGE, "no_decoder",
			       "--decode: stream '%s' has %s frames, and this build has no %s; "
			       "build with it, or leave the stream out with --drop",
			       c->name, rc_frame_codec_name(f->codec), rc_frames_library(f));
	if (p->recipe->set->decode)
		return rc_fail(err, RC_E_UNSUPPORTED, "frames_unsupported",
			       "--decode: the %s frames of stream '%s' are of a kind that is not "
			       "decoded (CMYK, 12 bits, lossless, or a damaged head); leave the "
			       "stream out with --drop",
			       rc_frame_codec_name(f->codec), c->name);
	if (r && !r->is_default && r->number != RC_DTYPE_KEEP)
		return rc_fail(err, RC_E_USAGE, "dtype",
			       "--dtype: stream '%s' has encoded frames, whose bytes have no other "
			       "type; --decode makes pixels of them", c->name);
	return 0;
}

/* The pictures say which colour is red, but many were made by programs that got that wrong. */
static void tell_order(struct planner *p, const struct candidate *c)
{
	if (c->d->frames.order == RC_ORDER_ASSUMED && c->d->frames.channels >= 3)
		rc_problems_add(p->problems, RC_NOTE_WARNING, "channel_order_assumed", "--decode",
				"nothing says that red and blue were not exchanged when frames "
				"were encoded: rgb is assumed for '%s' and its like; "
				"--channel-order settles it", c->name);
}

static int add_candidate(struct planner *p, uint32_t nth, struct rc_err *err)
{
	struct candidate *c = &p->c[p->n];
	const struct rc_rule *rename;
	int rc = 0;

	c->src.nth = nth;
	c->s = rc_plan_input(p->ix, p->e, &c->src);
	c->d = &p->ix->datasets[c->s->dataset];
	c->name = rc_index_str(p->ix, c->s->name);
	rename = rc_rules_match(&p->recipe->rename, c->name);
	c->out_name = rename ? rename->value : c->name;
	c->src.width = c->src.stored_width = (uint32_t)rc_dataset_row_elements(c->d);
	c->selected = selected(p, c);
	p->n++;
	if (c->selected)
		tell_order(p, c);
	if (c->selected && c->s->kind == RC_KIND_ENCODED)
		rc = check_encoded(p, c, err);
	if (rc)
		return rc;
	choose_clock(p, c);
	/* a rule for a stream that is left out or fused is idle, not a typing mistake */
	rc_rules_match_either(&p->recipe->method, c->name, c->out_name);
	rc_rules_match_either(&p->recipe->dtype, c->name, c->out_name);
	rc = plan_choose_turns(p, c, err);
	return !rc && c->selected ? choose_method(p, c, err) : rc;
}

/* --- encodings -------------------------------------------------------------------------------- */

/* The kind of filter a source has, as something this program can write. */
static struct rc_encoding encoding_of(const struct rc_dataset *d)
{
	struct rc_encoding e = {.codec = RC_CODEC_NONE, .shuffle = true};

	for (uint32_t i = 0; i < d->n_filters; i++) {
		const struct rc_filter *f = &d->filters[i];
		int level = f->n_values ? (int)f->values[0] : 0;

		if (f->id == RC_FILTER_ZSTD) {
			e.codec = RC_CODEC_ZSTD;
			e.level = rc_zstd_level_ok(level) ? level : 3;
		} else if (f->id == RC_FILTER_DEFLATE) {
			e.codec = RC_CODEC_GZIP;
			e.level = level >= 1 && level <= 9 ? level : 4;
		} else if (f->id != RC_FILTER_SHUFFLE && f->id != RC_FILTER_FLETCHER32 &&
			   e.codec == RC_CODEC_NONE) {
			e.codec = RC_CODEC_GZIP; /* opens everywhere, as the source's did not */
			e.level = 1;
		}
	}
	return e;
}

/* The bytes of strings are shuffled by whole strings, which the output does not have. */
static bool same_elements(const struct rc_dataset *d)
{
	size_t size = rc_dtype_size((enum rc_dtype)d->dtype);

	for (uint32_t i = 0; i < d->n_filters; i++)
		if (d->frames.codec != RC_FRAME_RAW && d->filters[i].id == RC_FILTER_SHUFFLE &&
		    d->filters[i].values[0] != size)
			return false;
	return true;
}

static void choose_encoding(struct planner *p, struct rc_plan_stream *out)
{
	bool frames = plan_is_frames(out->kind);
	const struct rc_compression *c =
		&p->recipe->compression[frames ? RC_CLASS_IMAGES : RC_CLASS_LOW_DIM];
	const struct rc_dataset *d = NULL;

	out->encoding = c->encoding;
	if (c->keep) {
		out->encoding = (struct rc_encoding){.shuffle = true};
		for (size_t i = 0; i < out->n_sources; i++) {
			d = &p->ix->datasets[rc_plan_input(p->ix, p->e, &out->sources[i])->dataset];
			struct rc_encoding e = encoding_of(d);
			if (e.codec > out->encoding.codec)
				out->encoding = e;
		}
	}
	if (out->kind == RC_KIND_IMAGE)
		out->encoding.values = RC_VALUES_FRAMES;
	else if (rc_dtype_is_float(out->dtype))
		out->encoding.values = RC_VALUES_FLOATS;
	out->encoding.shuffle &= out->encoding.codec != RC_CODEC_NONE &&
				 rc_dtype_size(out->dtype) > 1;
	out->stored = c->keep && out->copies && !out->turns && d->n_filters > 0 &&
		      d->storage == RC_STORE_CHUNKED && !d->big_endian &&
		      rc_dataset_row_chunks(d) && same_elements(d);
}

/* --- output streams --------------------------------------------------------------------------- */

static int new_stream(struct planner *p, const char *name, size_t n_sources,
		      struct rc_plan_stream **out, struct rc_err *err)
{
	struct rc_plan_set *set = p->set;
	int rc = rc_grow_array(&set->streams, &p->cap_streams, set->n_streams + 1,
			       sizeof *set->streams, err);
	if (rc)
		return rc;
	*out = &set->streams[set->n_streams++];
	**out = (struct rc_plan_stream){0};
	rc = rc_strdup(&(*out)->name, name, err);
	if (!rc)
		rc = rc_new_array(&(*out)->sources, n_sources, sizeof *(*out)->sources, err);
	return rc;
}

/* The output dtype of one stream: a rule, else what arithmetic needs, else the source's own. */
static enum rc_dtype single_dtype(struct planner *p, const struct candidate *c)
{
	const struct rc_rule *r = rc_rules_match_either(&p->recipe->dtype, c->name, c->out_name);
	enum rc_dtype own = rc_plan_dtype(&c->src, c->d);
	bool steps = p->e->timing == RC_TIMING_STEPS;

	/* "--dtype f32" for everything means the numbers, not frames, flags and counters */
	if (r && r->number != RC_DTYPE_KEEP && (!r->is_default || rc_dtype_is_float(own)))
		return (enum rc_dtype)r->number;
	if (!steps && rc_method_mixes(c->src.method) && !rc_dtype_is_float(own))
		return RC_F32;
	return own;
}

/* Sizes come from a file that may say anything: bound what they make us allocate, by limits that
 * are the same on every machine. */
static int check_sizes(struct planner *p, const struct rc_plan_stream *out, struct rc_err *err)
{
	for (size_t i = 0; i < out->n_sources; i++) {
		const struct rc_stream *s = rc_plan_input(p->ix, p->e, &out->sources[i]);
		const char *name = rc_index_str(p->ix, s->name);
		uint64_t row = rc_dataset_row_bytes(&p->ix->datasets[s->dataset]);

		if (row > MAX_ROW_BYTES || out->row_bytes > MAX_ROW_BYTES)
			return rc_fail(err, RC_E_UNSUPPORTED, "row_too_large",
				       "a row of stream '%s' has %llu bytes; at most %llu are "
				       "converted (leave it out with --drop)",
				       name, (unsigned long long)row,
				       (unsigned long long)MAX_ROW_BYTES);
		if (s->n_rows > MAX_ROWS)
			return rc_fail(err, RC_E_UNSUPPORTED, "too_long",
				       "stream '%s' has %llu rows; at most %llu are converted "
				       "(leave it out with --drop)",
				       name, (unsigned long long)s->n_rows,
				       (unsigned long long)MAX_ROWS);
	}
	return 0;
}

/* Where nothing becomes fewer values, rows are computed as they will be. */
static void place_in_buffer(struct rc_plan_stream *out)
{
	uint64_t at = 0;

	for (size_t i = 0; i < out->n_sources; i++) {
		struct rc_plan_source *src = &out->sources[i];
		uint32_t placed = rc_plan_placed(src);

		src->buffer_column = (uint32_t)at;
		at += placed > src->width ? placed : src->width;
	}
	out->buffer_elements = at > out->row_elements ? at : out->row_elements;
}

static int finish_stream(struct planner *p, struct rc_plan_stream *out, struct rc_err *err)
{
	uint64_t bytes;
	int rc;

	out->row_elements = 1;
	for (uint32_t k = 1; k < out->rank; k++)
		out->row_elements *= out->dims[k];
	out->row_bytes = out->row_elements * rc_dtype_size(out->dtype);
	place_in_buffer(out);
	rc = check_sizes(p, out, err);
	if (!rc)
		rc = plan_check_form(out, err);
	if (rc)
		return rc;
	if (!rc_mul(out->row_bytes, p->e->est_ticks, &bytes) ||
	    !rc_add(p->e->est_bytes, bytes, &p->e->est_bytes))
		return rc_fail(err, RC_E_FORMAT, "too_large", "stream '%s' is too large to convert",
			       out->name);
	choose_encoding(p, out);
	return 0;
}

static int add_single(struct planner *p, struct candidate *c, struct rc_err *err)
{
	struct rc_plan_stream *out;
	int rc = new_stream(p, c->out_name, 1, &out, err);

	if (rc)
		return rc;
	out->role = (enum rc_role)c->s->role;
	out->kind = (enum rc_kind)c->s->kind;
	out->rank = c->d->rank;
	memcpy(out->dims + 1, c->d->dims + 1, sizeof out->dims - sizeof *out->dims);
	out->sources[0] = c->src;
	out->n_sources = 1;
	out->turns = c->turns | c->src.turn;
	plan_shape_rotation(c, out);
	if (p->e->timing == RC_TIMING_STEPS)
		out->sources[0].method = RC_METHOD_NEAREST;
	out->dtype = single_dtype(p, c);
	out->copies = rc_method_picks(out->sources[0].method) && !c->src.form.turn &&
		      !(out->turns & RC_TURN_FORMS) && out->dtype == (enum rc_dtype)c->d->dtype;
	plan_tell_mixed(p, c);
	out->takes_end = out->role == RC_ROLE_DONE && p->e->timing != RC_TIMING_STEPS &&
			 (c->src.method == RC_METHOD_PREVIOUS ||
			  rc_method_reduces(c->src.method));
	out->method = p->e->timing == RC_TIMING_STEPS ? "" : rc_method_name(c->src.method);
	return finish_stream(p, out, err);
}

static int group_member(struct planner *p, struct rc_plan_stream *out, struct candidate *c,
			struct rc_buf *text, struct rc_err *err)
{
	struct rc_plan_source *src = &out->sources[out->n_sources];

	if (plan_is_frames(c->s->kind))
		return rc_fail(err, RC_E_USAGE, "fuse",
			       "image stream '%s' cannot be part of fuse group '%s'", c->name,
			       out->name);
	*src = c->src;
	src->column = (uint32_t)out->dims[1];
	if (p->e->timing == RC_TIMING_STEPS)
		src->method = RC_METHOD_NEAREST;
	plan_tell_mixed(p, c);
	out->n_sources++;
	out->dims[1] += rc_plan_placed(src);
	out->turns |= src->turn;
	if (c->d->dtype == RC_F64)
		out->dtype = RC_F64;
	c->in_group = true;
	rc_buf_printf(text, "%s%s", text->len ? "," : "", c->name);
	return 0;
}

static bool is_member(const struct rc_fuse_group *g, size_t m, const struct candidate *c)
{
	return rc_glob_match(g->members[m], c->name) || rc_glob_match(g->members[m], c->out_name);
}

/* The episode has the stream, but it is not converted. */
static bool left_out(const struct planner *p, const struct rc_fuse_group *g, size_t m)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_member(g, m, &p->c[i]) && !p->c[i].selected)
			return true;
	return false;
}

static bool in_group(const struct rc_plan_stream *out, const struct candidate *c)
{
	for (size_t i = 0; i < out->n_sources; i++)
		if (out->sources[i].nth == c->src.nth)
			return true;
	return false;
}

static int add_group(struct planner *p, struct rc_fuse_group *g, struct rc_err *err)
{
	struct rc_plan_stream *out;
	const struct rc_rule *r;
	struct rc_buf text;
	int rc = new_stream(p, g->name, p->n * g->n_members, &out, err);

	if (rc)
		return rc;
	rc_buf_init(&text);
	out->role = !strcmp(g->name, "actions") || !strcmp(g->name, "action") ? RC_ROLE_ACTION
									       : RC_ROLE_OBS;
	out->rank = 2;
	out->dtype = RC_F32;
	out->is_group = true;
	out->method = "fused";
	for (size_t m = 0; m < g->n_members && !rc; m++) {
		bool hit = false;
		for (size_t i = 0; i < p->n && !rc; i++) {
			struct candidate *c = &p->c[i];
			if (!is_member(g, m, c))
				continue;
			if (!c->selected)
				continue;
			hit = true;
			if (in_group(out, c)) /* globs overlap: the first place counts */
				continue;
			rc = group_member(p, out, c, &text, err);
		}
		if (!rc && !hit && left_out(p, g, m))
			rc = rc_fail(err, RC_E_USAGE, "left_out",
				     "'%s' of --fuse %s is left out by --keep, --drop or for want "
				     "of a clock",
				     g->members[m], g->name);
		else if (!rc && !hit)
			rc = rc_fail(err, RC_E_FORMAT, "missing_stream",
				     "'%s' has no stream '%s' for fuse group '%s'", p->e->id,
				     g->members[m], g->name);
	}
	r = rc_rules_match(&p->recipe->dtype, g->name);
	if (r && r->number != RC_DTYPE_KEEP)
		out->dtype = (enum rc_dtype)r->number;
	if (!rc)
		rc = rc_buf_check(&text, err);
	if (!rc)
		rc = rc_strdup(&out->members, text.p, err);
	rc_buf_release(&text);
	return rc ? rc : finish_stream(p, out, err);
}

static int check_names(const struct planner *p, struct rc_err *err)
{
	const struct rc_plan_set *set = p->set;

	for (size_t i = 0; i < set->n_streams; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(set->streams[i].name, set->streams[k].name))
				return rc_fail(err, RC_E_USAGE, "name_collision",
					       "two output streams of '%s' would be named '%s'; "
					       "rename one with --rename or --fuse",
					       p->e->id, set->streams[i].name);
	return 0;
}

/* Before anything can fail, so that a pattern without a stream is told from one in an episode that
 * does not fit. */
static void mark_members(struct planner *p)
{
	for (size_t k = 0; k < p->recipe->n_groups; k++) {
		struct rc_fuse_group *g = &p->recipe->groups[k];
		for (size_t m = 0; m < g->n_members; m++)
			for (size_t i = 0; i < p->n; i++)
				g->used[m] |= is_member(g, m, &p->c[i]);
	}
}

static int plan_outputs(struct planner *p, struct rc_err *err)
{
	int rc;

	mark_members(p);
	rc = plan_choose_timing(p, err);
	for (size_t i = 0; i < p->recipe->n_groups && !rc; i++)
		rc = add_group(p, &p->recipe->groups[i], err);
	for (size_t i = 0; i < p->n && !rc; i++) {
		struct candidate *c = &p->c[i];
		if (c->selected && (!c->in_group || p->recipe->set->keep_members))
			rc = add_single(p, c, err);
	}
	return rc ? rc : check_names(p, err);
}

int plan_episode_streams(const struct rc_index *ix, struct rc_recipe *recipe,
			 struct rc_problems *problems, struct rc_plan_episode *e,
			 struct rc_plan_set *set, struct rc_err *err)
{
	const struct rc_index_episode *ie = &ix->episodes[e->i_episode];
	struct planner p = {.ix = ix, .recipe = recipe, .problems = problems, .e = e, .set = set};
	int rc = rc_new_array(&p.c, ie->n_streams, sizeof *p.c, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < ie->n_streams; i++) {
		int bad = add_candidate(&p, i, err);
		rc = rc ? rc : bad;
	}
	/* every rule has seen every stream by now, so that unused ones can be told apart */
	if (!rc && ie->n_streams == 0)
		rc = rc_fail(err, RC_E_FORMAT, "empty_episode", "'%s' has no usable stream", e->id);
	if (!rc)
		rc = plan_outputs(&p, err);
	free(p.c);
	return rc;
}
