# SPDX-License-Identifier: Apache-2.0

# RC_ISA: which instruction sets kernels/cpu_rows.c is compiled for besides the baseline.  Chosen at
# run time; here only whether the compiler can.
AC_DEFUN([RC_ISA], [
	RC_AVX2_CFLAGS=-mavx2
	RC_AVX512_CFLAGS="-mavx512f -mavx512bw -mavx512vl -mavx512dq"
	rc_avx2=no
	rc_avx512=no
	rc_isas=baseline
	AS_CASE([$host_cpu], [x86_64], [
		RC_CHECK_CFLAG([-mavx2], [rc_avx2=yes])
		RC_CHECK_CFLAG([-mavx512f -mavx512bw -mavx512vl -mavx512dq], [rc_avx512=yes])
	])
	AS_IF([test $rc_avx2 = yes], [
		AC_DEFINE([HAVE_ISA_AVX2], [1], [The kernels have an AVX2 build.])
		AS_VAR_APPEND([rc_isas], [" avx2"])
	])
	AS_IF([test $rc_avx512 = yes], [
		AC_DEFINE([HAVE_ISA_AVX512], [1], [The kernels have an AVX-512 build.])
		AS_VAR_APPEND([rc_isas], [" avx512"])
	])
	AM_CONDITIONAL([ISA_AVX2], [test $rc_avx2 = yes])
	AM_CONDITIONAL([ISA_AVX512], [test $rc_avx512 = yes])
	AC_SUBST([RC_AVX2_CFLAGS])
	AC_SUBST([RC_AVX512_CFLAGS])
	# Row loops are written to be vectorised; gcc at -O2 would not.
	RC_KERNEL_CFLAGS=
	RC_CHECK_CFLAG([-fvect-cost-model=dynamic],
		[RC_KERNEL_CFLAGS="-ftree-vectorize -fvect-cost-model=dynamic"])
	# Neither changes a result; with errno or trap order to keep, square roots and choices would
	# stay scalar.
	RC_CHECK_CFLAG([-fno-math-errno], [AS_VAR_APPEND([RC_KERNEL_CFLAGS], [" -fno-math-errno"])])
	RC_CHECK_CFLAG([-fno-trapping-math],
		[AS_VAR_APPEND([RC_KERNEL_CFLAGS], [" -fno-trapping-math"])])
	AC_SUBST([RC_KERNEL_CFLAGS])
])
