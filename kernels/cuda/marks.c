/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "kernels/marks.h"

#include <nvtx3/nvToolsExt.h>

void rc_mark_push(const char *stage)
{
	nvtxRangePushA(stage);
}

void rc_mark_pop(void)
{
	nvtxRangePop();
}
