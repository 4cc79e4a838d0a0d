# SPDX-License-Identifier: Apache-2.0

# RC_CUDA: --with-cuda[=DIR]|auto|no.  Looks for nvcc and the static runtime, compiles one kernel
# and links one call.  An explicit wish that fails is an error; auto goes on without.  The runtime
# is linked statically: the program starts on machines that have neither toolkit nor driver.
AC_DEFUN([RC_CUDA], [
	AC_ARG_WITH([cuda], [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@],
		[CUDA toolkit: auto (default), yes, no, or where it is])], [], [with_cuda=auto])
	AC_ARG_VAR([NVCC], [CUDA compiler])
	AC_ARG_VAR([NVCCFLAGS], [CUDA compiler flags])
	AC_ARG_VAR([CUDA_GENCODE], [nvcc -gencode options: the GPUs to build for])
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
		AC_DEFINE([HAVE_CUDA], [1], [There is a CUDA backend.])
		rc_cuda_summary="$rc_cuda_version ($rc_nvcc) for $rc_cuda_targets"
	], [rc_cuda_summary="no ($rc_cuda_why)"])
	AM_CONDITIONAL([HAVE_CUDA], [test $rc_have_cuda = yes])
	NVCC=$rc_nvcc
])

# RC_CUDA_TARGETS: CUDA_GENCODE, unless it is set: machine code for the GPUs below that nvcc knows,
# and PTX of the last of them, which newer GPUs compile when they first meet it.
AC_DEFUN([RC_CUDA_TARGETS], [
	rc_cuda_targets="CUDA_GENCODE=$CUDA_GENCODE"
	AS_IF([test -z "$CUDA_GENCODE"], [
		rc_cuda_targets=sm
		rc_known=$("$rc_nvcc" --list-gpu-code 2>/dev/null)
		for rc_sm in 75 80 86 89 90 100 120; do
			AS_CASE([" "$(echo $rc_known)" "], [*" sm_$rc_sm "*], [
				AS_VAR_APPEND([CUDA_GENCODE],
					[" -gencode=arch=compute_$rc_sm,code=sm_$rc_sm"])
				AS_VAR_APPEND([rc_cuda_targets], [" $rc_sm"])
				rc_last=$rc_sm
			])
		done
		AS_VAR_APPEND([CUDA_GENCODE],
			[" -gencode=arch=compute_$rc_last,code=compute_$rc_last"])
	])
])

# RC_CUDA_TRY: with $rc_nvcc known, sets rc_have_cuda, CUDA_LIBS, CUDA_CPPFLAGS, CUDA_GENCODE and
# rc_cuda_version.
AC_DEFUN([RC_CUDA_TRY], [
	rc_cuda_home=$(dirname "$(dirname "$(readlink -f "$rc_nvcc")")")
	rc_cudart=
	for rc_lib in lib64 lib targets/*/lib; do
		for rc_file in "$rc_cuda_home"/$rc_lib/libcudart_static.a; do
			AS_IF([test -z "$rc_cudart" && test -f "$rc_file"], [rc_cudart=$rc_file])
		done
	done
	rc_cuda_version=$("$rc_nvcc" --version | $SED -n 's/.*release \(@<:@0-9.@:>@*\).*/\1/p')
	RC_CUDA_TARGETS
	AC_MSG_CHECKING([whether CUDA kernels compile and link])
	cat >conftest.cu <<'_RC_EOF'
__global__ void k(int *p) { *p = 1; }
extern "C" int launch(int *p) { k<<<1, 1>>>(p); return cudaGetDeviceCount(p); }
_RC_EOF
	# Neither exceptions nor guarded statics: no C++ library is needed to link.
	RC_NVCC_FLAGS="-std=c++17 -Xcompiler -fPIE,-fno-exceptions,-fno-threadsafe-statics"
	rc_compile="$rc_nvcc $RC_NVCC_FLAGS $CUDA_GENCODE $NVCCFLAGS"
	AS_VAR_APPEND([rc_compile], [" -c conftest.cu -o conftest-cu.o"])
	AS_IF([test -z "$rc_cudart"],
		[rc_cuda_why="libcudart_static.a not found under $rc_cuda_home"],
		[AC_TRY_COMMAND([$rc_compile >&AS_MESSAGE_LOG_FD 2>&1])],
		[rc_save_libs=$LIBS
		CUDA_LIBS="$rc_cudart -lpthread -ldl -lrt"
		CUDA_CPPFLAGS="-isystem $(dirname "$(dirname "$rc_cudart")")/include"
		LIBS="conftest-cu.o $CUDA_LIBS $LIBS"
		AC_LINK_IFELSE(
			[AC_LANG_PROGRAM([[int launch(int *);]], [[int n; return launch(&n);]])],
			[rc_have_cuda=yes], [rc_cuda_why="$rc_nvcc does not link with $CC"])
		LIBS=$rc_save_libs],
		[rc_cuda_why="$rc_nvcc does not compile a kernel; see config.log"])
	rm -f conftest.cu conftest-cu.o
	AC_MSG_RESULT([$rc_have_cuda])
	AC_SUBST([CUDA_LIBS])
	AC_SUBST([CUDA_CPPFLAGS])
	AC_SUBST([RC_NVCC_FLAGS])
])
