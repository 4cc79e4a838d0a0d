/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of one stream between conventions, as planned. */
#include "base/compat.h"

#include "plan_private.h"

/* --- rotations in other forms ----------------------------------------------------------------- */

static bool has_quats(const struct candidate *c)
{
	return c->s->kind == RC_KIND_QUAT || c->s->kind == RC_KIND_POSE ||
	       c->s->kind == RC_KIND_QUATS;
}

/* What the user says of this stream's rotations; of all streams counts where --convert names one,
 * and not for quaternions. */
static const struct rc_rule *said_form(struct planner *p, const struct candidate *c,
				       const struct rc_rule *convert)
{
	const struct rc_rule *r = rc_convention_of(&p->recipe->convention, RC_CONVENTION_ROTATION,
						   c->name, c->out_name);

	if (!r || !r->is_default)
		return r;
	return convert && !convert->is_default && !has_quats(c) ? r : NULL;
}

static bool is_square(const struct rc_dataset *d)
{
	return d->rank == 3 && d->dims[1] == 3 && d->dims[2] == 3;
}

/* Where in its row it begins: where the user says, or at the front, or behind a position. */
static bool place_form(struct rc_form *f, const struct rc_dataset *d)
{
	uint64_t width = rc_dataset_row_elements(d), own = rc_turn_width(f->turn);

	if (!f->placed)
		f->column = width == own + 3 ? 3 : 0;
	if (d->rank != 2 && !(is_square(d) && f->turn == RC_TURN_MATRIX))
		return false;
	return (f->placed || width == own || width == own + 3) && f->column + own <= width &&
	       width <= RC_FORM_MAX_WIDTH;
}

/* Rotations that become quaternions before all else, where something is to be made of them. */
static int choose_form(struct planner *p, struct candidate *c, const struct rc_rule *convert,
		       struct rc_err *err)
{
	const struct rc_rule *said = said_form(p, c, convert);
	struct rc_form f;

	if (!said || !convert || !(convert->number & RC_TURN_QUATERNIONS))
		return 0;
	if (!rc_form_parse(said->value, &f))
		return rc_fail(err, RC_E_USAGE, "convert",
			       "--convert %s: nothing is known of the rotation '%s' of "
			       "--convention %s; it is one of " RC_FORM_NAMES,
			       convert->text, said->value, said->text);
	if (!place_form(&f, c->d) || !rc_dtype_is_float((enum rc_dtype)c->d->dtype))
		return rc_fail(err, RC_E_USAGE, "convert",
			       "--convention %s does not fit stream '%s', of rank %u with %llu %s "
			       "values a row: a rotation of this form has %u float values, at the "
			       "front, behind three of a position, or at @COLUMN of at most %d",
			       said->text, c->name, c->d->rank,
			       (unsigned long long)rc_dataset_row_elements(c->d),
			       rc_dtype_name((enum rc_dtype)c->d->dtype), rc_turn_width(f.turn),
			       RC_FORM_MAX_WIDTH);
	c->src.form = f;
	c->src.width = c->src.stored_width - rc_turn_width(f.turn) + 4;
	c->src.quat_order = RC_QUAT_XYZW;
	c->src.quat_at = (uint8_t)f.column;
	c->src.n_quats = 1;
	return 0;
}

void plan_tell_mixed(struct planner *p, const struct candidate *c)
{
	const struct rc_rule *said = said_form(p, c, NULL);
	struct rc_form f;

	if (p->e->timing == RC_TIMING_STEPS || !said || c->src.form.turn || has_quats(c) ||
	    c->src.method != RC_METHOD_LINEAR || !rc_form_parse(said->value, &f))
		return;
	rc_problems_add(p->problems, RC_NOTE_WARNING, "rotation_mixed", c->name,
			"the rotations of '%s' (%s) are interpolated value by value; --convert "
			"'%s:%s' interpolates them as rotations", c->name, said->value, c->name,
			f.turn & RC_TURN_FORMS ? rc_turn_form(f.turn) : "xyzw");
}

void plan_shape_rotation(const struct candidate *c, struct rc_plan_stream *out)
{
	const struct rc_plan_source *src = &c->src;

	if (src->form.turn) {
		memset(out->dims, 0, sizeof out->dims);
		out->rank = 2;
		out->dims[1] = src->width;
		out->kind = src->width == 4 ? RC_KIND_QUAT
			    : src->width == 7 && src->quat_at == 3 ? RC_KIND_POSE : RC_KIND_LOWDIM;
	}
	if (src->turn & RC_TURN_FORMS) {
		out->kind = RC_KIND_LOWDIM;
		out->dims[1] = out->dims[1] + rc_plan_placed(src) - src->width;
	}
}

/* --- what --convert asks for ------------------------------------------------------------------ */

static void choose_order(struct planner *p, struct candidate *c)
{
	const struct rc_rule *said = rc_convention_of(&p->recipe->convention,
						      RC_CONVENTION_QUATERNION_ORDER, c->name,
						      c->out_name);
	bool list = c->s->kind == RC_KIND_QUATS;

	c->src.quat_order = rc_quat_order(said ? said->value
					       : rc_index_str(p->ix, c->s->quat_order));
	c->src.quat_at = c->s->kind == RC_KIND_POSE ? 3 : 0;
	c->src.n_quats = list ? c->src.width / 4 : 1;
}

static int refuse(const struct candidate *c, const struct rc_rule *r, struct rc_err *err)
{
	const char *more = "";

	if (c->s->kind == RC_KIND_ENCODED)
		more = " of pixels: --decode makes them";
	else if (r->number & RC_TURN_QUATERNIONS)
		more = "; for rotations in another form say which it is, with --convention "
		       "STREAM:rotation=FORM";
	return rc_fail(err, RC_E_USAGE, "convert",
		       "--convert %s does not fit stream '%s', which is %s; flip-rows and "
		       "swap-channels are for images, the others for quaternions and poses%s",
		       r->text, c->name, rc_kind_name((enum rc_kind)c->s->kind), more);
}

int plan_choose_turns(struct planner *p, struct candidate *c, struct rc_err *err)
{
	const struct rc_rule *r = rc_rules_match_either(&p->recipe->convert, c->name, c->out_name);
	bool image = c->s->kind == RC_KIND_IMAGE, quats;
	int wanted = r ? r->number & RC_TURN_QUATERNIONS : 0, rc;

	/* used, whatever comes of it */
	rc_convention_of(&p->recipe->convention, RC_CONVENTION_QUATERNION_ORDER, c->name,
			 c->out_name);
	rc_convention_of(&p->recipe->convention, RC_CONVENTION_ROTATION, c->name, c->out_name);
	if (!c->selected)
		return 0;
	rc = choose_form(p, c, r, err);
	if (rc)
		return rc;
	quats = has_quats(c) || c->src.form.turn;
	if (has_quats(c) && !c->src.form.turn)
		choose_order(p, c);
	if (quats && (!(wanted & RC_TURN_ORDERS) ||
		      (wanted == RC_TURN_WXYZ) != (c->src.quat_order == RC_QUAT_WXYZ)))
		c->src.turn = wanted;
	if (c->src.n_quats > 1 && (wanted & RC_TURN_FORMS))
		return rc_fail(err, RC_E_USAGE, "convert",
			       "--convert: stream '%s' has several quaternions a row, which get "
			       "another order, but become no other form", c->name);
	c->turns = image && r ? r->number & RC_TURN_IMAGES : 0;
	if ((c->turns & RC_TURN_SWAP_CHANNELS) && (c->d->rank != 4 || c->d->dims[3] < 3))
		return rc_fail(err, RC_E_USAGE, "convert",
			       "--convert swap-channels: stream '%s' has no colours", c->name);
	if (!r || r->is_default || ((wanted == 0 || quats) && (r->number == wanted || image)))
		return 0;
	return refuse(c, r, err);
}

int plan_check_form(const struct rc_plan_stream *out, struct rc_err *err)
{
	if (!(out->turns & RC_TURN_FORMS) || out->dtype == RC_F32 || out->dtype == RC_F64)
		return 0;
	return rc_fail(err, RC_E_USAGE, "convert",
		       "--convert: stream '%s' becomes %s; a rotation becomes another form as f32 "
		       "or f64, see --dtype", out->name, rc_dtype_name(out->dtype));
}
