# SPDX-License-Identifier: Apache-2.0

# RC_CUDA: --with-cuda[=DIR]|auto|no.  Looks for nvcc and the static runtime, compiles one kernel
# and links one call.  An explicit wish that fails is an error; auto goes on without.  This version
# has no CUDA kernels: what is found is reported and recorded in config.h, and nothing is linked.
AC_DEFUN([RC_CUDA], [
	AC_ARG_WITH([cuda], [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@],
		[CUDA toolkit: auto (default), yes, no, or where it is])], [], [with_cuda=auto])
	AC_ARG_VAR([NVCC], [CUDA compiler])
	AC_ARG_VAR([NVCCFLAGS], [CUDA compiler flags])
	rc_have_cuda=no
	rc_cuda_why="not asked for"
	AS_IF([test "x$with_cuda" != xno], [
		AS_CASE([$with_cuda], [yes|auto], [
			rc_cuda_path="$PATH$PATH_SEPARATOR${CUDA_HOME:-/usr/local/cuda}/bin"
			rc_cuda_why="nvcc not found"
		], [
			rc_cuda_path="$with_cuda/bin"
			rc_cuda_why="nvcc not found in $rc_cuda_path"
		])
		AS_IF([test -n "$NVCC"], [rc_nvcc=$NVCC],
			[AC_PATH_PROG([rc_nvcc], [nvcc], [], [$rc_cuda_path])])
		AS_IF([test -n "$rc_nvcc"], [RC_CUDA_TRY])
		AS_CASE([$with_cuda:$rc_have_cuda], [auto:*|*:yes], [],
			[AC_MSG_ERROR([--with-cuda: $rc_cuda_why])])
	])
	AS_IF([test $rc_have_cuda = yes], [
		AC_DEFINE_UNQUOTED([RC_CUDA_TOOLKIT], ["$rc_cuda_version"],
			[Version of the CUDA toolkit that configure found and tried.])
		rc_cuda_summary="found $rc_cuda_version ($rc_nvcc)"
		AS_VAR_APPEND([rc_cuda_summary],
			["; no kernels in this version yet, built for the CPU"])
	], [rc_cuda_summary="no ($rc_cuda_why)"])
	AM_CONDITIONAL([HAVE_CUDA], [test $rc_have_cuda = yes])
	NVCC=$rc_nvcc
])

# RC_CUDA_TRY: with $rc_nvcc known, sets rc_have_cuda, CUDA_LIBS and rc_cuda_version.
AC_DEFUN([RC_CUDA_TRY], [
	rc_cuda_home=$(dirname "$(dirname "$(readlink -f "$rc_nvcc")")")
	rc_cudart=
	for rc_lib in lib64 lib targets/*/lib; do
		for rc_file in "$rc_cuda_home"/$rc_lib/libcudart_static.a; do
			AS_IF([test -z "$rc_cudart" && test -f "$rc_file"], [rc_cudart=$rc_file])
		done
	done
	rc_cuda_version=$("$rc_nvcc" --version | $SED -n 's/.*release \(@<:@0-9.@:>@*\).*/\1/p')
	AC_MSG_CHECKING([whether CUDA kernels compile and link])
	cat >conftest.cu <<'_RC_EOF'
__global__ void k(int *p) { *p = 1; }
extern "C" int launch(int *p) { k<<<1, 1>>>(p); return cudaGetDeviceCount(p); }
_RC_EOF
	rc_compile="$rc_nvcc $NVCCFLAGS -Xcompiler -fPIE -c conftest.cu -o conftest-cu.o"
	AS_IF([test -z "$rc_cudart"],
		[rc_cuda_why="libcudart_static.a not found under $rc_cuda_home"],
		[AC_TRY_COMMAND([$rc_compile >&AS_MESSAGE_LOG_FD 2>&1])],
		[rc_save_libs=$LIBS
		CUDA_LIBS="$rc_cudart -lstdc++ -lpthread -ldl -lrt"
		LIBS="conftest-cu.o $CUDA_LIBS $LIBS"
		AC_LINK_IFELSE(
			[AC_LANG_PROGRAM([[int launch(int *);]], [[int n; return launch(&n);]])],
			[rc_have_cuda=yes], [rc_cuda_why="$rc_nvcc does not link with $CC"])
		LIBS=$rc_save_libs],
		[rc_cuda_why="$rc_nvcc does not compile a kernel; see config.log"])
	rm -f conftest.cu conftest-cu.o
	AC_MSG_RESULT([$rc_have_cuda])
	AC_SUBST([CUDA_LIBS])
])
