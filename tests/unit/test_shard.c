/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/shard.h"

#include <criterion/criterion.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"

enum { N_TICKS = 5 };
static const struct rc_shard_info info = {.version = "1.0", .recipe_json = "{}"};
static const int64_t ticks[N_TICKS] = {0, 50, 100, 150, 200};
static const float values[N_TICKS * 64];
static char dir[] = "/tmp/test-shard-XXXXXX";
static char path_a[64], path_b[64];
static struct rc_err err;

static void make_dir(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(path_a, sizeof path_a, "%s/a.h5", dir);
	snprintf(path_b, sizeof path_b, "%s/b.h5", dir);
}

static void remove_dir(void)
{
	unlink(path_a);
	unlink(path_b);
	rmdir(dir);
}

TestSuite(shard, .init = make_dir, .fini = remove_dir);

static struct rc_out_stream lowdim(const char *name, enum rc_role role, uint64_t width)
{
	struct rc_out_stream st = {.name = name, .role = role, .dtype = RC_F32, .rank = 2,
				   .dims = {N_TICKS, width}, .method = "linear", .source = "src",
				   .unit = "", .quat_order = ""};
	return st;
}

static struct rc_out_episode episode(const char *id, const struct rc_out_stream *st, size_t n)
{
	struct rc_out_episode e = {.id = id, .language = "", .env_args = "", .model_file = "",
				   .success = -1, .sim = -1, .streams = st, .n_streams = n,
				   .n_ticks = N_TICKS, .ticks = ticks, .clock = "nominal"};
	return e;
}

static struct rc_shard *create(const char *path, const char *layout)
{
	struct rc_shard *s = NULL;
	cr_assert_eq(rc_shard_create(path, rc_shard_layout_find(layout), &info, &s, &err), 0, "%s",
		     err.msg);
	return s;
}

static void write_all(struct rc_shard *s, const struct rc_out_episode *e)
{
	cr_assert_eq(rc_shard_begin_episode(s, e, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < e->n_streams; i++)
		cr_assert_eq(rc_shard_write_rows(s, i, 0, N_TICKS, values, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_shard_end_episode(s, &err), 0, "%s", err.msg);
}

static void close_ok(struct rc_shard *s)
{
	cr_assert_eq(rc_shard_close(s, &err), 0, "%s", err.msg);
}

static int64_t int_attr(hid_t f, const char *object, const char *name)
{
	int64_t v = -1;
	hid_t a = H5Aopen_by_name(f, object, name, H5P_DEFAULT, H5P_DEFAULT);
	cr_assert_geq(a, 0, "%s@%s", object, name);
	H5Aread(a, H5T_NATIVE_INT64, &v);
	H5Aclose(a);
	return v;
}

static void expect_string_attr(hid_t f, const char *object, const char *name, const char *want)
{
	char *v = NULL;
	hid_t a = H5Aopen_by_name(f, object, name, H5P_DEFAULT, H5P_DEFAULT);
	cr_assert_geq(a, 0, "%s@%s", object, name);
	hid_t t = H5Aget_type(a);
	cr_assert_geq(H5Aread(a, t, &v), 0);
	cr_assert_str_eq(v, want);
	H5free_memory(v);
	H5Tclose(t);
	H5Aclose(a);
}

static bool there(hid_t f, const char *path)
{
	return H5Lexists(f, path, H5P_DEFAULT) > 0;
}

static hsize_t n_links(hid_t f, const char *group)
{
	H5G_info_t g;
	cr_assert_geq(H5Gget_info_by_name(f, group, &g, H5P_DEFAULT), 0);
	return g.nlinks;
}

static void expect_same_bytes(void)
{
	struct rc_buf a, b;
	rc_buf_init(&a);
	rc_buf_init(&b);
	cr_assert_eq(rc_buf_read_file(&a, path_a, 1 << 28, &err), 0);
	cr_assert_eq(rc_buf_read_file(&b, path_b, 1 << 28, &err), 0);
	cr_assert_eq(a.len, b.len);
	cr_assert_eq(memcmp(a.p, b.p, a.len), 0);
	rc_buf_release(&a);
	rc_buf_release(&b);
}

Test(shard, layouts_are_found_by_name)
{
	char name[64];
	cr_expect_eq(rc_n_shard_layouts, 3);
	cr_expect_str_eq(rc_shard_layouts[0]->name, "robomimic");
	cr_expect_null(rc_shard_layout_find("robomimi"));
	rc_shard_layout_find("robomimic")->file_name(12, name, sizeof name);
	cr_expect_str_eq(name, "shard-00012.h5");
	rc_shard_layout_find("robomimic")->episode_name(12, name, sizeof name);
	cr_expect_str_eq(name, "demo_12");
	rc_shard_layout_find("act")->file_name(12, name, sizeof name);
	cr_expect_str_eq(name, "episode_12.hdf5");
	rc_shard_layout_find("keep")->file_name(12, name, sizeof name);
	cr_expect_str_eq(name, "episode-00012.h5");
}

Test(shard, keep_takes_the_path_of_the_source)
{
	static const struct {
		const char *name, *place, *path; /* path: NULL: none */
	} rows[] = {
		{"q", "obs/arm/q", "obs/arm/q"}, {"state", "", "state"},
		{"obs/both", "", "obs/both"},    {"q", "obs//q", NULL},
		{"q", "./q", NULL},              {"q", "obs/.", NULL},
		{"a/", "", NULL},                {"q", "..", ".."},
	};
	const struct rc_shard_layout *k = rc_shard_layout_find("keep");
	for (size_t i = 0; i < RC_ARRAY_LEN(rows); i++) {
		char path[64];
		struct rc_out_stream st = lowdim(rows[i].name, RC_ROLE_OBS, 1);
		st.place = rows[i].place;
		bool there = k->stream_path(&st, path, sizeof path);
		cr_assert_eq(there, rows[i].path != NULL, "%zu", i);
		if (rows[i].path)
			cr_expect_str_eq(path, rows[i].path);
		cr_expect_not(k->stream_path(&st, path, 1));
	}
}

Test(shard, streams_have_places)
{
	static const struct {
		const char *name;
		enum rc_role role;
		enum rc_kind kind;
		const char *robomimic, *act;
	} rows[] = {
		{"joint_pos", RC_ROLE_OBS, RC_KIND_LOWDIM, "obs/joint_pos",
		 "observations/joint_pos"},
		{"arm/left/q", RC_ROLE_OBS, RC_KIND_LOWDIM, "obs/arm_left_q",
		 "observations/arm_left_q"},
		{"images/cam_high", RC_ROLE_OBS, RC_KIND_IMAGE, "obs/images_cam_high",
		 "observations/images/cam_high"},
		{"agentview_image", RC_ROLE_OBS, RC_KIND_IMAGE, "obs/agentview_image",
		 "observations/images/agentview_image"},
		{"images_depth/cam", RC_ROLE_OBS, RC_KIND_IMAGE, "obs/images_depth_cam",
		 "observations/images_depth/cam"},
		{"next_obs/a/b", RC_ROLE_NEXT_OBS, RC_KIND_LOWDIM, "next_obs/a_b", NULL},
		{"action", RC_ROLE_ACTION, RC_KIND_LOWDIM, "actions", "action"},
		{"actions", RC_ROLE_ACTION, RC_KIND_LOWDIM, "actions", "action"},
		{"actions_abs", RC_ROLE_ACTION, RC_KIND_LOWDIM, "actions_abs", "actions_abs"},
		{"base_action", RC_ROLE_ACTION, RC_KIND_LOWDIM, "action_dict/base_action",
		 "base_action"},
		{"action_dict/abs_pos", RC_ROLE_ACTION, RC_KIND_LOWDIM, "action_dict/abs_pos",
		 "action_dict_abs_pos"},
		{"reward", RC_ROLE_REWARD, RC_KIND_LOWDIM, "rewards", "rewards"},
		{"left/reward", RC_ROLE_REWARD, RC_KIND_LOWDIM, "left_reward", "left_reward"},
		{"dones", RC_ROLE_DONE, RC_KIND_LOWDIM, "dones", "dones"},
		{"is_terminal", RC_ROLE_DONE, RC_KIND_LOWDIM, "dones", "dones"},
		{"Action", RC_ROLE_ACTION, RC_KIND_LOWDIM, "actions", "action"},
		{"obs/actions", RC_ROLE_OBS, RC_KIND_LOWDIM, "obs/actions", "observations/actions"},
		{"states", RC_ROLE_STATE, RC_KIND_LOWDIM, "states", "observations/states"},
	};
	const struct rc_shard_layout *m = rc_shard_layout_find("robomimic");
	const struct rc_shard_layout *a = rc_shard_layout_find("act");
	for (size_t i = 0; i < RC_ARRAY_LEN(rows); i++) {
		char path[64];
		struct rc_out_stream st = lowdim(rows[i].name, rows[i].role, 1);
		st.kind = rows[i].kind;
		cr_assert(m->stream_path(&st, path, sizeof path), "%s", st.name);
		cr_expect_str_eq(path, rows[i].robomimic);
		cr_assert_eq(a->stream_path(&st, path, sizeof path), rows[i].act != NULL);
		if (rows[i].act)
			cr_expect_str_eq(path, rows[i].act);
		cr_expect_not(m->stream_path(&st, path, 4), "%s", st.name);
	}
}

Test(shard, colliding_names_are_refused_and_leave_nothing)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st[] = {lowdim("a/b", RC_ROLE_OBS, 2), lowdim("a_b", RC_ROLE_OBS, 2)};
	struct rc_out_episode e = episode("x", st, 2);
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), RC_E_USAGE);
	cr_expect_str_eq(err.reason, "name_collision");
	cr_expect_str_eq(err.msg, "streams 'a/b' and 'a_b' would both be 'obs/a_b' in the output; "
				  "rename one with --rename");
	st[1].name = "c";
	write_all(s, &e);
	cr_expect_eq(rc_shard_n_episodes(s), 1);
	close_ok(s);
}

Test(shard, act_keeps_its_own_group_and_has_no_next_obs)
{
	struct rc_shard *s = create(path_a, "act");
	struct rc_out_stream st = lowdim("robocache", RC_ROLE_ACTION, 2);
	struct rc_out_episode e = episode("x", &st, 1);
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), RC_E_USAGE);
	cr_expect_str_eq(err.reason, "name_collision");
	st = lowdim("next_obs/q", RC_ROLE_NEXT_OBS, 2);
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), RC_E_USAGE);
	cr_expect_str_eq(err.reason, "no_place");
	rc_shard_abandon(s);
}

Test(shard, act_takes_one_episode)
{
	struct rc_shard *s = create(path_a, "act");
	struct rc_out_stream st[] = {lowdim("qpos", RC_ROLE_OBS, 14),
				     lowdim("action", RC_ROLE_ACTION, 14)};
	struct rc_out_episode e = episode("x", st, 2);
	e.sim = 1;
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_shard_drop_episode(s, &err), 0, "%s", err.msg);
	e.sim = 0;
	write_all(s, &e);
	cr_expect_eq(rc_shard_begin_episode(s, &e, &err), RC_E_BUG);
	close_ok(s);
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	cr_assert_geq(f, 0);
	cr_expect(there(f, "/observations/qpos"));
	cr_expect(there(f, "/action"));
	cr_expect_eq(n_links(f, "/"), 3);
	int8_t sim = -1;
	hid_t a = H5Aopen(f, "sim", H5P_DEFAULT);
	H5Aread(a, H5Dget_type(a) >= 0 ? H5T_NATIVE_INT8 : H5Aget_type(a), &sim);
	cr_expect_eq(sim, 0);
	H5Fclose(f);
}

/* Three episodes, the second dropped with all kinds of things begun. */
static void write_with_drop(const char *path)
{
	struct rc_shard *s = create(path, "robomimic");
	static const uint8_t valid[N_TICKS] = {1, 1, 0, 1, 1};
	struct rc_out_stream st[] = {lowdim("q", RC_ROLE_OBS, 7), lowdim("z", RC_ROLE_OBS, 3),
				     lowdim("actions", RC_ROLE_ACTION, 7)};
	struct rc_out_episode e = episode("first", st, 3);
	e.split = "train";
	write_all(s, &e);

	struct rc_out_stream bad[] = {st[0], st[1], st[2]};
	struct rc_out_episode d = episode("second", bad, 3);
	bad[0].valid = valid;
	bad[1].chunk_rows = 1;
	bad[1].encoding = (struct rc_encoding){RC_CODEC_ZSTD, 3, false, RC_VALUES_ANY};
	d.split = "valid";
	d.env_args = "{\"env_name\":\"gone\"}";
	cr_assert_eq(rc_shard_begin_episode(s, &d, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_shard_write_rows(s, 0, 0, 2, values, &err), 0);
	cr_assert_eq(rc_shard_write_chunk(s, 1, 0, "some bytes", 10, 0, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_shard_drop_episode(s, &err), 0, "%s", err.msg);
	cr_expect_eq(rc_shard_n_episodes(s), 1);

	e.id = "third";
	e.split = "valid";
	e.env_args = "{\"env_name\":\"kept\"}";
	write_all(s, &e);
	close_ok(s);
}

Test(shard, a_dropped_episode_leaves_no_trace)
{
	write_with_drop(path_a);
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	cr_assert_geq(f, 0);
	cr_expect_eq(n_links(f, "/data"), 2);
	cr_expect_eq(n_links(f, "/robocache/time"), 2);
	cr_expect_eq(n_links(f, "/robocache/episodes"), 2);
	cr_expect_not(there(f, "/robocache/valid"));
	cr_expect_eq(n_links(f, "/mask"), 2);
	cr_expect_eq(int_attr(f, "/data", "total"), 2 * N_TICKS);
	cr_expect_eq(int_attr(f, "/data/demo_1", "num_samples"), N_TICKS);
	cr_expect_eq(int_attr(f, "/", "complete"), 1);
	expect_string_attr(f, "/data", "env_args", "{\"env_name\":\"kept\"}");
	expect_string_attr(f, "/robocache/episodes/demo_1", "source", "third");
	H5Fclose(f);
}

Test(shard, equal_calls_give_equal_bytes)
{
	write_with_drop(path_a);
	sleep(1); /* object times have a resolution of one second */
	write_with_drop(path_b);
	expect_same_bytes();
}

/* Of four episodes the second is dropped after n of its rows; the last two are shorter, so that
 * they fit into whatever holes it leaves. */
static void write_with_partial_drop(const char *path, uint64_t n, uint64_t chunk_rows)
{
	enum { ROWS = 200, DROPPED = 1 };
	static const char bytes[ROWS * 64 * sizeof(float)] = "chunk";
	struct rc_shard *s = create(path, "robomimic");
	struct rc_out_stream st[] = {lowdim("q", RC_ROLE_OBS, 7), lowdim("z", RC_ROLE_OBS, 64)};
	struct rc_out_episode e = episode("x", st, 2);
	st[0].dims[0] = st[1].dims[0] = e.n_ticks = ROWS;
	e.ticks = NULL;
	st[1].chunk_rows = chunk_rows;
	if (chunk_rows)
		st[1].encoding.codec = RC_CODEC_ZSTD;
	for (int i = 0; i < 4; i++) {
		uint64_t rows = i == DROPPED ? n : ROWS;
		e.n_streams = i > DROPPED ? 1 : 2;
		cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
		cr_assert_eq(rc_shard_write_rows(s, 0, 0, rows, bytes, &err), 0);
		for (uint64_t k = 0; e.n_streams > 1 && k < rows; k++)
			cr_assert_eq(chunk_rows ? rc_shard_write_chunk(s, 1, k, bytes, 900, 0, &err)
						: rc_shard_write_rows(s, 1, k, 1, bytes, &err), 0);
		cr_assert_eq(i == DROPPED ? rc_shard_drop_episode(s, &err)
					  : rc_shard_end_episode(s, &err), 0, "%s", err.msg);
	}
	close_ok(s);
}

Test(shard, bytes_do_not_depend_on_how_much_was_dropped)
{
	write_with_partial_drop(path_a, 20, 0);
	write_with_partial_drop(path_b, 180, 0);
	expect_same_bytes();
	write_with_partial_drop(path_a, 20, 1);
	write_with_partial_drop(path_b, 180, 1);
	expect_same_bytes();
	char bytes[2000] = "";
	uint32_t mask = 0;
	hid_t f = H5Fopen(path_b, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t d = H5Dopen2(f, "/data/demo_0/obs/z", H5P_DEFAULT);
	hsize_t stored = 0;
	cr_assert_geq(H5Dget_chunk_storage_size(d, (hsize_t[]){199, 0}, &stored), 0);
	cr_assert_eq(stored, 900);
	cr_assert_geq(H5Dread_chunk(d, H5P_DEFAULT, (hsize_t[]){199, 0}, &mask, bytes), 0);
	cr_expect_str_eq(bytes, "chunk");
	cr_expect_eq(int_attr(f, "/", "complete"), 1);
	H5Dclose(d);
	H5Fclose(f);
}

Test(shard, rewards_and_dones_are_made_up_and_marked)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st[] = {lowdim("q", RC_ROLE_OBS, 7), lowdim("done", RC_ROLE_DONE, 1)};
	struct rc_out_episode e = episode("x", st, 2);
	write_all(s, &e);
	e.n_streams = 1;
	write_all(s, &e);
	close_ok(s);
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	uint8_t dones[N_TICKS];
	hid_t d = H5Dopen2(f, "/data/demo_1/dones", H5P_DEFAULT);
	cr_assert_geq(H5Dread(d, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, dones), 0);
	cr_expect_arr_eq(dones, ((uint8_t[]){0, 0, 0, 0, 1}), N_TICKS);
	cr_expect_eq(int_attr(f, "/data/demo_1/dones", "robocache_synthesized"), 1);
	cr_expect_eq(int_attr(f, "/data/demo_0/rewards", "robocache_synthesized"), 1);
	cr_expect_eq(H5Aexists_by_name(f, "/data/demo_0/dones", "robocache_synthesized",
				       H5P_DEFAULT), 0);
	cr_expect_eq(int_attr(f, "/data", "robocache_synthesized"), 1, "env_args");
	H5Dclose(d);
	H5Fclose(f);
}

Test(shard, source_pipelines_are_passed_through_exactly)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st = lowdim("q", RC_ROLE_OBS, 7);
	const struct rc_filter filters[] = {
		{RC_FILTER_SHUFFLE, 1, 1, {4}},
		{RC_FILTER_LZF, 1, 3, {4, 261, 28}},
		{RC_FILTER_FLETCHER32, 0, 0, {0}},
	};
	struct rc_out_episode e = episode("x", &st, 1);
	st.chunk_rows = 1;
	st.n_filters = RC_ARRAY_LEN(filters);
	memcpy(st.filters, filters, sizeof filters);
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
	for (uint64_t i = 0; i < N_TICKS; i++)
		cr_assert_eq(rc_shard_write_chunk(s, 0, i, "stored bytes", 12, 2, &err), 0);
	cr_assert_eq(rc_shard_end_episode(s, &err), 0, "%s", err.msg);
	close_ok(s);

	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t d = H5Dopen2(f, "/data/demo_0/obs/q", H5P_DEFAULT);
	hid_t p = H5Dget_create_plist(d);
	cr_assert_eq(H5Pget_nfilters(p), 3);
	for (unsigned i = 0; i < 3; i++) {
		unsigned flags = 99, v[8] = {0};
		size_t n = 8;
		cr_expect_eq(H5Pget_filter2(p, i, &flags, &n, v, 0, NULL, NULL), filters[i].id);
		cr_expect_eq(flags, filters[i].flags);
		cr_expect_eq(n, filters[i].n_values);
		cr_expect_eq(memcmp(v, filters[i].values, n * sizeof *v), 0);
	}
	char bytes[64];
	uint32_t mask = 0;
	cr_assert_geq(H5Dread_chunk(d, H5P_DEFAULT, (hsize_t[]){3, 0}, &mask, bytes), 0);
	cr_expect_eq(memcmp(bytes, "stored bytes", 12), 0);
	cr_expect_eq(mask, 2);
	H5Pclose(p);
	H5Dclose(d);
	H5Fclose(f);
}

Test(shard, a_pipeline_that_would_change_is_refused)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st = lowdim("q", RC_ROLE_OBS, 7);
	struct rc_out_episode e = episode("x", &st, 1);
	st.chunk_rows = 1;
	st.n_filters = 1;
	st.filters[0] = (struct rc_filter){RC_FILTER_NBIT, 0, 8, {8, 0, 7, 1, 4, 0, 12, 0}};
	cr_expect_eq(rc_shard_begin_episode(s, &e, &err), RC_E_UNSUPPORTED, "%s", err.msg);
	cr_expect_str_eq(err.reason, "filter_changed");
	rc_shard_abandon(s);
}

Test(shard, writes_that_do_not_fit_are_bugs)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st[] = {lowdim("q", RC_ROLE_OBS, 7), lowdim("c", RC_ROLE_OBS, 2)};
	struct rc_out_episode e = episode("x", st, 2);
	st[1].chunk_rows = 2;
	cr_expect_eq(rc_shard_end_episode(s, &err), RC_E_BUG, "no episode");
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
	cr_expect_eq(rc_shard_begin_episode(s, &e, &err), RC_E_BUG, "two at once");
	cr_expect_eq(rc_shard_write_rows(s, 0, 3, 3, values, &err), RC_E_BUG, "past the end");
	cr_expect_eq(rc_shard_write_rows(s, 0, UINT64_MAX, 2, values, &err), RC_E_BUG, "overflow");
	cr_expect_eq(rc_shard_write_rows(s, 1, 0, 1, values, &err), RC_E_BUG, "chunked");
	cr_expect_eq(rc_shard_write_rows(s, 2, 0, 1, values, &err), RC_E_BUG, "no such stream");
	cr_expect_eq(rc_shard_write_chunk(s, 0, 0, values, 8, 0, &err), RC_E_BUG, "contiguous");
	cr_expect_eq(rc_shard_write_chunk(s, 1, 1, values, 16, 0, &err), RC_E_BUG, "unaligned");
	cr_expect_eq(rc_shard_write_chunk(s, 1, 0, values, 15, 0, &err), RC_E_BUG, "short");
	cr_expect_eq(rc_shard_write_chunk(s, 1, 6, values, 16, 0, &err), RC_E_BUG, "past the end");
	cr_expect_eq(rc_shard_write_chunk(s, 1, 4, values, 16, 0, &err), 0, "the last, padded");
	cr_expect_eq(rc_shard_end_episode(s, &err), RC_E_BUG);
	cr_expect_str_eq(err.reason, "incomplete_stream");
	cr_expect_eq(rc_shard_close(s, &err), RC_E_BUG, "an episode is open");
}

Test(shard, streams_without_values_are_kept)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st[] = {lowdim("w0", RC_ROLE_OBS, 0), lowdim("q", RC_ROLE_OBS, 3)};
	struct rc_out_episode e = episode("x", st, 2);
	st[0].chunk_rows = 4;
	st[0].encoding = (struct rc_encoding){RC_CODEC_GZIP, 1, true, RC_VALUES_ANY};
	write_all(s, &e);
	st[0].dims[0] = st[1].dims[0] = e.n_ticks = 0;
	st[1].chunk_rows = 4;
	st[1].encoding = (struct rc_encoding){RC_CODEC_GZIP, 1, true, RC_VALUES_ANY};
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_shard_end_episode(s, &err), 0, "%s", err.msg);
	close_ok(s);
}

Test(shard, long_texts_fit_in_attributes)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st = lowdim("q", RC_ROLE_OBS, 7);
	struct rc_out_episode e = episode("x", &st, 1);
	char *xml = calloc(1 << 20, 1);
	memset(xml, 'm', (1 << 20) - 1);
	e.model_file = xml;
	e.language = "say \"hi\"";
	write_all(s, &e);
	close_ok(s);
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	expect_string_attr(f, "/data/demo_0", "model_file", xml);
	H5Fclose(f);
	free(xml);
}

Test(shard, files_are_plain_and_carry_no_times)
{
	write_with_drop(path_a);
	H5F_info2_t fi;
	H5O_info_t oi;
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	cr_assert_geq(H5Fget_info2(f, &fi), 0);
	cr_expect_eq(fi.super.version, 0);
	const char *objects[] = {"/", "/data", "/data/demo_0/obs/q", "/robocache/time/demo_0"};
	for (size_t i = 0; i < RC_ARRAY_LEN(objects); i++) {
		H5Oget_info_by_name(f, objects[i], &oi, H5P_DEFAULT);
		cr_expect_eq(oi.mtime + oi.ctime + oi.atime + oi.btime, 0, "%s", objects[i]);
	}
	H5Fclose(f);
}

Test(shard, an_abandoned_file_is_not_complete)
{
	struct rc_shard *s = create(path_a, "robomimic");
	struct rc_out_stream st = lowdim("q", RC_ROLE_OBS, 7);
	struct rc_out_episode e = episode("x", &st, 1);
	write_all(s, &e);
	cr_assert_eq(rc_shard_begin_episode(s, &e, &err), 0, "%s", err.msg);
	rc_shard_abandon(s);
	rc_shard_abandon(NULL);
	hid_t f = H5Fopen(path_a, H5F_ACC_RDONLY, H5P_DEFAULT);
	cr_expect(f < 0 || H5Aexists(f, "complete") <= 0);
}

Test(shard, a_folder_that_is_missing_is_named)
{
	struct rc_shard *s = NULL;
	cr_assert_eq(rc_shard_create("/nonexistent/x.h5", rc_shard_layouts[0], &info, &s, &err),
		     RC_E_OUTPUT);
	cr_expect_null(s);
	cr_expect_not_null(strstr(err.msg, "'/nonexistent/x.h5'"), "%s", err.msg);
	cr_expect_not_null(strstr(err.msg, "No such file"), "%s", err.msg);
}

/* A limit on the file size stands for a full disk.  The library must stay usable after it. */
Test(shard, a_full_disk_is_an_error_and_nothing_worse)
{
	enum { WIDTH = 1 << 16, LIMIT = 1 << 20 };
	struct rlimit old, small;
	struct rc_out_stream st = lowdim("q", RC_ROLE_OBS, WIDTH);
	struct rc_out_episode e = episode("x", &st, 1);
	float *rows = calloc((size_t)N_TICKS * WIDTH, sizeof *rows);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = LIMIT;
	for (int i = 0; i < 3; i++) {
		struct rc_shard *s = create(path_a, "robomimic");
		setrlimit(RLIMIT_FSIZE, &small);
		int rc = rc_shard_begin_episode(s, &e, &err);
		if (!rc)
			rc = rc_shard_write_rows(s, 0, 0, N_TICKS, rows, &err);
		if (!rc)
			rc = rc_shard_end_episode(s, &err);
		cr_expect_eq(rc, RC_E_OUTPUT, "%s", err.msg);
		cr_expect_not_null(strstr(err.msg, "File too large"), "%s", err.msg);
		if (i == 1)
			rc_shard_drop_episode(s, &err);
		if (i == 2)
			cr_expect_lt(rc_shard_close(s, &err), 0);
		else
			rc_shard_abandon(s);
		setrlimit(RLIMIT_FSIZE, &old);
	}
	write_with_drop(path_a);
	free(rows);
}
