/* SPDX-License-Identifier: Apache-2.0 */
/* The input layouts by name, for lists and messages; what they do is in format.h. */
#ifndef RC_LAYOUTS_H
#define RC_LAYOUTS_H

#include <stddef.h>

size_t rc_layout_count(void);
/* In the order in which equal probe scores are decided. */
const char *rc_layout_name(size_t i);
const char *rc_layout_summary(size_t i);

#endif
