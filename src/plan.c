/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "plan_private.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/names.h"

/* --- names ------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect_names(struct rc_plan *p, struct rc_err *err)
{
	size_t cap = 0, kept = 0;

	for (size_t f = 0; f < p->scan->n; f++) {
		const struct rc_index *ix = p->scan->files[f].index;

		for (uint32_t i = 0; ix && i < ix->n_streams; i++) {
			const char *name = rc_index_str(ix, ix->streams[i].name);
			bool seen = false;

			/* episodes repeat the same few names in the same order: a short look back
			 * keeps the list small before it is sorted */
			for (size_t k = p->n_names; k > 0 && p->n_names - k < 64 && !seen; k--)
				seen = !strcmp(p->names[k - 1], name);
			if (seen)
				continue;
			int rc = rc_grow_array(&p->names, &cap, p->n_names + 1, sizeof *p->names,
					       err);
			if (!rc)
				rc = rc_strdup(&p->names[p->n_names], name, err);
			if (rc)
				return rc;
			p->n_names++;
		}
	}
	if (p->n_names)
		qsort(p->names, p->n_names, sizeof *p->names, by_name);
	for (size_t i = 0; i < p->n_names; i++) {
		if (kept && !strcmp(p->names[kept - 1], p->names[i]))
			free(p->names[i]);
		else
			p->names[kept++] = p->names[i];
	}
	p->n_names = kept;
	return 0;
}

/* --- episodes --------------------------------------------------------------------------------- */

/* By hash of the episode's id: stable when episodes are added or removed. */
static const char *choose_split(const struct rc_recipe *r, const char *id)
{
	double u, sum = 0;

	if (!r->n_splits)
		return NULL;
	u = (double)(rc_hash64(id, strlen(id), (uint64_t)r->set->seed) >> 11) / 9007199254740992.0;
	for (size_t i = 0; i < r->n_splits; i++) {
		sum += r->splits[i].share;
		if (u < sum)
			return r->splits[i].name;
	}
	return r->splits[r->n_splits - 1].name;
}

/* The finding's place without what differs between episodes: "obs/x" for "data/demo_7/obs/x". */
static const char *place_in_episode(const struct rc_index *ix, const struct rc_note *n)
{
	const char *where = rc_index_str(ix, n->where), *key;
	size_t len;

	if (n->episode >= ix->n_episodes)
		return where;
	key = rc_index_str(ix, ix->episodes[n->episode].key);
	if (*where == '/')
		where++;
	if (*key == '/')
		key++;
	len = strlen(key);
	if (strncmp(where, key, len) == 0 && (where[len] == '/' || where[len] == '\0'))
		where += len + (where[len] == '/');
	return *where ? where : "/";
}

/* Arrays that hold data this program could not get at: the run did not convert all there was. */
static bool is_loss(const char *code)
{
	static const char *const codes[] = {"unreadable", "unknown_filter", "beyond_file",
					    "virtual",    "external",	"mixed_frames",
					    "uneven_frames", "missing_chunk",
					    "missing_data", "broken_link"};

	for (size_t i = 0; i < RC_ARRAY_LEN(codes); i++)
		if (!strcmp(code, codes[i]))
			return true;
	return false;
}

/* What --drop and --keep leave out anyway is no loss. */
static bool left_out(struct rc_recipe *r, const char *where)
{
	const char *slash = strrchr(where, '/'), *name = slash ? slash + 1 : where;
	const struct rc_rule *drop = rc_rules_match_either(&r->drop, where, name);
	const struct rc_rule *keep = rc_rules_match_either(&r->keep, where, name);

	return drop || (r->keep.n && !keep);
}

static void take_notes(const struct rc_scanned *f, struct rc_recipe *recipe,
		       struct rc_problems *problems)
{
	const struct rc_index *ix = f->index;

	for (uint32_t i = 0; i < ix->n_notes; i++) {
		const struct rc_note *n = &ix->notes[i];
		enum rc_severity sev = (enum rc_severity)n->severity;
		const char *where = place_in_episode(ix, n);

		if (!strcmp(rc_index_str(ix, n->code), "quaternion_order_assumed") &&
		    rc_convention_of_all(&recipe->convention, "quaternion_order"))
			continue;
		if (is_loss(rc_index_str(ix, n->code)))
			sev = left_out(recipe, where) ? RC_NOTE_INFO : RC_NOTE_ERROR;
		rc_problems_add(problems, sev, rc_index_str(ix, n->code), where, "%s (%s)",
				rc_index_str(ix, n->message), f->label);
	}
}

static bool path_of(const struct rc_plan *p, const struct rc_plan_episode *e,
		    const struct rc_plan_stream *s, char dst[1024])
{
	const struct rc_index *ix = p->scan->files[e->i_file].index;
	struct rc_out_stream o = {
		.name = s->name, .place = rc_plan_place(ix, e, s), .role = s->role,
		.kind = s->kind, .dtype = s->dtype, .rank = s->rank};

	return p->layout->stream_path(&o, dst, 1024);
}

/* Every stream needs a place of its own in the output layout. */
static int check_places(const struct rc_plan *p, const struct rc_plan_episode *e,
			struct rc_plan_set *set, struct rc_problems *problems, struct rc_err *err)
{
	const char *id = e->id;
	char path[1024], other[1024];
	bool action = false;

	for (size_t i = 0; i < set->n_streams;) {
		const struct rc_plan_stream *s = &set->streams[i];

		if (!path_of(p, e, s, path)) {
			rc_problems_add(problems, RC_NOTE_WARNING, "no_place", s->name,
					"stream '%s' has no place in layout %s and is left out",
					s->name, p->layout->name);
			plan_set_drop(set, i);
			continue;
		}
		action |= s->role == RC_ROLE_ACTION;
		if (!strncmp(path, "robocache", 9) && (path[9] == '/' || !path[9]))
			return rc_fail(err, RC_E_USAGE, "name_collision",
				       "stream '%s' of '%s' would take the place '%s', which holds "
				       "robocache's own data; rename it with --rename OLD=NEW",
				       s->name, id, path);
		for (size_t k = 0; k < i; k++)
			if (path_of(p, e, &set->streams[k], other) &&
			    rc_shard_paths_collide(path, other))
				return rc_fail(err, RC_E_USAGE, "name_collision",
					       "streams '%s' and '%s' of '%s' would both be '%s'; "
					       "rename one with --rename OLD=NEW",
					       set->streams[k].name, s->name, id, path);
		i++;
	}
	if (!action)
		rc_problems_add(problems, RC_NOTE_WARNING, "no_actions", "actions",
				"'%s' has no actions; loaders for imitation learning want them",
				id);
	return 0;
}

/* Errors are large and rare: an episode has one only if it failed. */
static int keep_err(struct rc_plan *p, struct rc_plan_episode *e, const struct rc_err *why,
		    struct rc_err *err)
{
	int rc = rc_new(&e->err, err);

	if (rc)
		return rc;
	*e->err = *why;
	p->n_failed++;
	return 0;
}

static int plan_episode(struct rc_plan *p, size_t i_file, uint32_t i_episode,
			struct rc_recipe *recipe, struct rc_problems *problems, struct rc_err *err)
{
	const struct rc_scanned *f = &p->scan->files[i_file];
	const char *key = rc_index_str(f->index, f->index->episodes[i_episode].key);
	struct rc_plan_episode *e = &p->episodes[p->n_episodes++];
	struct rc_plan_set set = {0};
	struct rc_err why = {0};
	int rc;

	e->i_file = i_file;
	e->i_episode = i_episode;
	if (!strcmp(key, "/") || !*key)
		rc = rc_strdup(&e->id, f->label, err);
	else
		rc = rc_sprintf(&e->id, err, "%s:%s", f->label, key);
	if (rc)
		return rc;
	e->split = choose_split(recipe, e->id);
	rc = plan_episode_streams(f->index, recipe, problems, e, &set, &why);
	if (!rc)
		rc = check_places(p, e, &set, problems, &why);
	if (!rc)
		rc = plan_share(p, &set, e, &why);
	plan_set_release(&set);
	if (rc == RC_E_NOMEM && err)
		*err = why;
	return rc && rc != RC_E_NOMEM ? keep_err(p, e, &why, err) : rc;
}

static int plan_episodes(struct rc_plan *p, struct rc_recipe *recipe, struct rc_problems *problems,
			 struct rc_err *err)
{
	size_t n = 0;
	int rc;

	for (size_t f = 0; f < p->scan->n; f++)
		n += p->scan->files[f].index ? p->scan->files[f].index->n_episodes : 0;
	rc = rc_new_array(&p->episodes, n, sizeof *p->episodes, err);
	for (size_t f = 0; f < p->scan->n && !rc; f++) {
		const struct rc_index *ix = p->scan->files[f].index;
		if (!ix)
			continue;
		take_notes(&p->scan->files[f], recipe, problems);
		for (uint32_t i = 0; i < ix->n_episodes && !rc; i++)
			rc = plan_episode(p, f, i, recipe, problems, err);
	}
	return rc;
}

static bool same_rows(const struct rc_plan_stream *a, const struct rc_plan_stream *b)
{
	/* rows of encoded frames are as long as the longest of their episode */
	if (a->kind == RC_KIND_ENCODED && b->kind == RC_KIND_ENCODED)
		return true;
	return a->dtype == b->dtype && a->rank == b->rank &&
	       !memcmp(a->dims + 1, b->dims + 1, (RC_MAX_RANK - 1) * sizeof *a->dims);
}

static const struct rc_plan_stream *find_stream(const struct rc_plan_episode *e, const char *name,
						size_t guess)
{
	if (guess < e->n_streams && !strcmp(e->streams[guess].name, name))
		return &e->streams[guess];
	for (size_t k = 0; k < e->n_streams; k++)
		if (!strcmp(e->streams[k].name, name))
			return &e->streams[k];
	return NULL;
}

/* Streams of e that differ from, or are missing in, another episode. */
static void compare_pair(const struct rc_plan_episode *e, const struct rc_plan_episode *other,
			 bool shapes, struct rc_problems *problems)
{
	for (size_t s = 0; s < e->n_streams; s++) {
		const char *name = e->streams[s].name;
		const struct rc_plan_stream *o = find_stream(other, name, s);

		if (!o)
			rc_problems_add(problems, RC_NOTE_WARNING, "stream_not_everywhere", name,
					"stream '%s' of '%s' is not in '%s'", name, e->id,
					other->id);
		else if (shapes && !same_rows(&e->streams[s], o))
			rc_problems_add(problems, RC_NOTE_WARNING, "shape_differs", name,
					"stream '%s' of '%s' has another shape or type than in "
					"'%s'",
					name, e->id, other->id);
	}
}

/* Output streams that not all episodes have alike: training code will not load both, and the user
 * should hear it before the rebuild is used. */
static void compare_shapes(const struct rc_plan *p, struct rc_problems *problems)
{
	for (size_t i = 1; i < p->n_order; i++) {
		const struct rc_plan_episode *first = &p->episodes[p->order[0]];
		const struct rc_plan_episode *e = &p->episodes[p->order[i]];

		if (e->streams == first->streams)
			continue;
		compare_pair(e, first, true, problems);
		compare_pair(first, e, false, problems);
	}
}

/* --- shards ----------------------------------------------------------------------------------- */

static bool starts_shard(const struct rc_plan *p, const struct rc_settings *set, uint64_t bytes,
			 const struct rc_plan_episode *e)
{
	const struct rc_plan_shard *s;

	if (p->n_shards == 0 || p->layout->one_episode_per_shard)
		return true;
	s = &p->shards[p->n_shards - 1];
	if (set->shard_episodes > 0 && s->n >= (size_t)set->shard_episodes)
		return true;
	return set->shard_size > 0 && bytes + e->est_bytes > set->shard_size;
}

static int assign_shards(struct rc_plan *p, const struct rc_settings *set, struct rc_err *err)
{
	uint64_t bytes = 0;
	int rc = rc_new_array(&p->order, p->n_episodes, sizeof *p->order, err);

	if (!rc)
		rc = rc_new_array(&p->shards, p->n_episodes, sizeof *p->shards, err);
	for (size_t i = 0; i < p->n_episodes && !rc; i++) {
		struct rc_plan_episode *e = &p->episodes[i];

		if (e->err)
			continue;
		if (starts_shard(p, set, bytes, e)) {
			p->shards[p->n_shards++] = (struct rc_plan_shard){.first = p->n_order};
			bytes = 0;
		}
		bytes += e->est_bytes;
		e->shard = p->n_shards - 1;
		p->shards[e->shard].n++;
		p->order[p->n_order++] = i;
	}
	return rc;
}

/* Nothing can be converted, and it is what was asked that does not fit: say that, do nothing. */
static int fail_all(const struct rc_plan *p, struct rc_err *err)
{
	for (size_t i = 0; i < p->n_episodes; i++)
		if (p->episodes[i].err && p->episodes[i].err->code == RC_E_USAGE) {
			if (err)
				*err = *p->episodes[i].err;
			return RC_E_USAGE;
		}
	return 0;
}

int rc_plan_make(const struct rc_scan *scan, struct rc_recipe *recipe,
		 struct rc_problems *problems, struct rc_plan *plan_out, struct rc_err *err)
{
	struct rc_plan p = {.scan = scan};
	int rc;

	p.layout = rc_shard_layout_find(recipe->set->layout_out);
	if (!p.layout)
		return rc_fail(err, RC_E_USAGE, "layout",
			       "unknown output layout '%s'; the layouts are robomimic, act and "
			       "keep", recipe->set->layout_out);
	rc = collect_names(&p, err);
	if (!rc)
		rc = plan_episodes(&p, recipe, problems, err);
	if (!rc && p.n_failed == p.n_episodes)
		rc = fail_all(&p, err);
	if (!rc && p.n_names)
		rc = rc_recipe_check_used(recipe, (const char *const *)p.names, p.n_names, err);
	if (!rc)
		rc = assign_shards(&p, recipe->set, err);
	if (!rc)
		compare_shapes(&p, problems);
	if (rc)
		rc_plan_release(&p);
	else
		*plan_out = p;
	return rc;
}

void rc_plan_release(struct rc_plan *p)
{
	for (size_t i = 0; i < p->n_episodes && p->episodes; i++) {
		free(p->episodes[i].id);
		free(p->episodes[i].err);
	}
	for (size_t i = 0; i < p->n_sets; i++)
		plan_set_release(&p->sets[i]);
	free(p->sets);
	for (size_t i = 0; i < p->n_names; i++)
		free(p->names[i]);
	free(p->names);
	free(p->episodes);
	free(p->order);
	free(p->shards);
	*p = (struct rc_plan){0};
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_shape(const struct rc_plan_stream *s, struct rc_buf *b)
{
	rc_buf_puts(b, "(T");
	for (uint32_t k = 1; k < s->rank; k++)
		rc_buf_printf(b, ",%llu", (unsigned long long)s->dims[k]);
	rc_buf_puts(b, ")");
}

static void print_streams(const struct rc_plan *p, const struct rc_plan_episode *e,
			  struct rc_buf *b)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		const struct rc_plan_stream *s = &e->streams[i];
		struct rc_buf shape;
		size_t len = strlen(s->name);

		rc_buf_init(&shape);
		print_shape(s, &shape);
		rc_buf_puts(b, "  ");
		rc_buf_put_clean(b, s->name);
		rc_buf_printf(b, "%*s %-8s %-16s %-9s %-6s <- ", len < 24 ? (int)(24 - len) : 0, "",
			      rc_dtype_name(s->dtype), shape.p, *s->method ? s->method : "copy",
			      s->stored ? "stored" : rc_codec_name(s->encoding.codec));
		rc_buf_put_clean(b, rc_plan_source_text(rc_plan_index(p, e), e, s));
		rc_buf_puts(b, "\n");
		rc_buf_release(&shape);
	}
}

static void print_skip(struct rc_buf *b, const char *id, const struct rc_err *err)
{
	rc_buf_puts(b, "skip ");
	if (id) {
		rc_buf_put_clean(b, id);
		rc_buf_puts(b, ": ");
	}
	rc_buf_put_clean(b, err->msg);
	rc_buf_puts(b, "\n");
}

static bool same_streams(const struct rc_plan_episode *a, const struct rc_plan_episode *b)
{
	if (a->streams == b->streams)
		return true;
	if (a->n_streams != b->n_streams)
		return false;
	for (size_t i = 0; i < a->n_streams; i++)
		if (strcmp(a->streams[i].name, b->streams[i].name) ||
		    !same_rows(&a->streams[i], &b->streams[i]))
			return false;
	return true;
}

void rc_plan_print(const struct rc_plan *p, const struct rc_recipe *recipe, struct rc_buf *b)
{
	const struct rc_plan_episode *shown = NULL;
	char size[32], name[64];

	rc_buf_printf(b, "%zu input file%s, %zu episode%s, %zu shard%s of layout %s\n", p->scan->n,
		      rc_plural(p->scan->n), p->n_order, rc_plural(p->n_order), p->n_shards,
		      rc_plural(p->n_shards), p->layout->name);
	if (recipe->set->rate.num)
		rc_buf_printf(b, "timeline: %g Hz\n", rc_rate_hz(recipe->set->rate));
	for (size_t s = 0; s < p->n_shards; s++) {
		uint64_t bytes = 0, ticks = 0;

		for (size_t i = 0; i < p->shards[s].n; i++) {
			bytes += p->episodes[p->order[p->shards[s].first + i]].est_bytes;
			ticks += p->episodes[p->order[p->shards[s].first + i]].est_ticks;
		}
		p->layout->file_name(s, name, sizeof name);
		rc_format_bytes(size, sizeof size, bytes);
		rc_buf_printf(b, "%s: %zu episode%s, about %llu ticks, about %s before "
			      "compression\n", name, p->shards[s].n, rc_plural(p->shards[s].n),
			      (unsigned long long)ticks, size);
		for (size_t i = 0; i < p->shards[s].n; i++) {
			const struct rc_plan_episode *e =
				&p->episodes[p->order[p->shards[s].first + i]];
			rc_buf_puts(b, " ");
			rc_buf_put_clean(b, e->id);
			rc_buf_printf(b, "%s%s\n", e->split ? " -> " : "",
				      e->split ? e->split : "");
			if (!shown || !same_streams(shown, e)) {
				print_streams(p, e, b);
				shown = e;
			}
		}
	}
	for (size_t i = 0; i < p->n_episodes; i++)
		if (p->episodes[i].err)
			print_skip(b, p->episodes[i].id, p->episodes[i].err);
	for (size_t f = 0; f < p->scan->n; f++)
		if (!p->scan->files[f].index)
			print_skip(b, NULL, &p->scan->files[f].err);
}
