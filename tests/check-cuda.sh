# SPDX-License-Identifier: Apache-2.0
# The CUDA kernels against their CPU twins; skipped without a GPU.  tests/gpu.sh does more.
set -eu
: "${top_builddir:?}"
exec "$top_builddir/tests/gpu/twins" 1 60 600
