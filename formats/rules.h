/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts as tables: which path of an episode is what.  Most families differ in nothing else, so
 * their layout is a probe and a table; a map, which a user writes as JSON, is such a table too
 * (map.h).
 *
 * Patterns of paths, relative to the episode: "*" stands for any text within one name, "**" for any
 * text, and names and clocks may use what they stood for as $1 ... $4.
 */
#ifndef RC_RULES_H
#define RC_RULES_H

#include "formats/describe.h"

enum { RULE_MAX_STARS = 4 };

struct stream_rule {
	const char *path;  /* the datasets it is for */
	const char *name;  /* of the stream; NULL: the path */
	enum rc_role role;
	bool skip;         /* no stream: a clock, a map between clocks, a calibration */
	const char *clock; /* path of the stamps, below the episode or from "/"; NULL: see below */
	const char *unit;  /* of the stamps; NULL: found out */
	double hz;         /* a rate in place of a clock; 0: none */
	const char *kind;  /* "quaternion" ...; NULL: found out */
	const char *order; /* of quaternions; NULL: that of the file */
};

/* The first rule that matches counts.  Streams without a clock of their own get the nearest one of
 * their length (describe_find_clocks). */
struct layout_rules {
	const struct stream_rule *streams;
	size_t n_streams;
	const char *origin;      /* of what the rules say: "layout", "map" */
	double hz;               /* of streams without a clock; 0: not known */
	const char *rate_origin; /* of this and that of the rules */
	bool by_user;            /* they beat attributes, and clocks that they name must be there */
	bool only;               /* what no rule is for is no stream; clocks are not looked for */
	const char *count;       /* an attribute of an episode that counts its steps; NULL */
	const char *usual_rate;  /* told where neither clock nor rate is in the file: "50 Hz" */
	bool *used;              /* one a rule, set when it matched; NULL */
};

struct rule_match {
	const char *at[RULE_MAX_STARS];
	size_t len[RULE_MAX_STARS], n;
};

/* Fills the zeroed *m when it matches. */
bool rule_match(const char *pattern, const char *path, struct rule_match *m);
/* The text with $1 ... replaced; the caller frees. */
int rule_expand(const char *text, const struct rule_match *m, char **s_out, struct rc_err *err);
/* How many stars a pattern has, the largest $N of a text. */
size_t rule_stars(const char *pattern);
size_t rule_highest(const char *text);

/* Name, role, kind and clock of one candidate, by the first rule that matches. */
int describe_apply_rule(struct draft *d, struct candidate *c, const struct layout_rules *set,
			struct rc_err *err);
/* Makes c what rc_kind_name() calls so, with a warning where its shape does not fit. */
void describe_give_kind(struct draft *d, struct candidate *c, const char *name);
/* Warns where an attribute of the episode counts other steps than its actions have rows. */
void describe_check_count(struct draft *d, const char *attribute);
/* A note, where no stream has a clock. */
void describe_usual_rate(struct draft *d, const struct layout_rules *r);
/* Names, roles, kinds and clocks of the candidates, as far as the rules go. */
int describe_apply_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err);
/* From collected candidates to emitted streams. */
int describe_by_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err);

/* An episode at `root` with its key, its instruction (the first of these attributes of it or of the
 * file) and its attribute success; what the layout knows better it changes before it adds it. */
struct rc_index_episode describe_begin(const struct draft *d, const char *const *language);
extern const char *const describe_language[]; /* the usual attributes */

/* The whole of one episode: begin, collect, rules. */
int describe_episode_by_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err);
/* A file that is one episode. */
int describe_file_by_rules(const struct rc_h5_tree *t, struct rc_index_builder *b,
			   const struct layout_rules *r, struct quat_rule quat,
			   struct rc_err *err);

/* Gives every candidate k, the clock that `time` holds, or where it has another number of rows,
 * that many at equal distances over its span. */
void describe_spread(struct draft *d, struct rc_h5_node *time, const struct rc_stream_clock *k);

/* A file whose groups below `parent` are its episodes. */
struct episode_groups {
	const struct rc_h5_node *parent;
	bool (*is_episode)(const struct rc_h5_tree *t, const struct rc_h5_node *n);
	/* Completes what is known of an episode before it is added; NULL. */
	void (*begin)(struct draft *d, struct rc_index_episode *e);
	/* Gives clocks that no rule can, before the rules; NULL. */
	void (*clocks)(struct draft *d);
	void *state;         /* for them, in the draft */
	struct quat_rule quat;
	const char *example; /* of the name of one, for messages */
};
int describe_groups_by_rules(const struct episode_groups *g, const struct rc_h5_tree *t,
			     struct rc_index_builder *b, const struct layout_rules *r,
			     struct rc_err *err);
size_t describe_count_groups(const struct rc_h5_tree *t, const struct rc_h5_node *parent,
			     bool (*is_episode)(const struct rc_h5_tree *,
						const struct rc_h5_node *),
			     const struct rc_h5_node **first_out);
/* A group named by this word, ignoring case, and a number: "traj_3". */
bool describe_word_number(const struct rc_h5_node *n, const char *word);

/* A dataset (not a group) that can be read; NULL otherwise. */
struct rc_h5_node *describe_array(const struct rc_h5_tree *t, const struct rc_h5_node *from,
				  const char *path);
/* Whether anything below can be read. */
bool describe_has_array(const struct rc_h5_node *n);

#endif
