# SPDX-License-Identifier: Apache-2.0
# Everything that needs a GPU, in one command: sh tests/gpu.sh [CONFIGURE-ARGUMENT...]
# Builds in ./build-gpu (or $BUILD), compares the CUDA kernels and whole conversions with the CPU
# bit for bit, loses a device on purpose, runs compute-sanitizer's four tools, and measures.
# Writes bench.json and logs to $RESULTS (default: the build folder).  STEPS chooses among build
# twins convert sanitize bench.  The last line is the sum; the exit status is 1 when something
# failed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${BUILD:-$top/build-gpu}
steps=${STEPS:-build twins convert sanitize bench}
mkdir -p "$dir"
results=${RESULTS:-$dir}
passed=0 failed=0 skipped=0

# check NAME COMMAND...: quiet when it passes
check() {
	name=$1
	shift
	start=$(date +%s)
	set +e # not `|| status=$?`: that would let the steps of "$@" fail unseen
	(
		set -e
		"$@"
	) >"$results/$name.log" 2>&1
	status=$?
	set -e
	case $status in
	0) passed=$((passed + 1)) result=passed ;;
	77) skipped=$((skipped + 1)) result=skipped ;;
	*)
		failed=$((failed + 1)) result=FAILED
		tail -n 25 "$results/$name.log"
		;;
	esac
	printf '%s: %s in %d s: %s\n' "$name" "$result" $(($(date +%s) - start)) \
		"$(tail -n 1 "$results/$name.log" | cut -c 1-150)"
}

build() {
	[ -f "$top/configure" ] || (cd "$top" && ./bootstrap)
	cd "$dir"
	[ -f Makefile ] || "$top/configure" --with-cuda "$@"
	make -s -j "$(nproc)"
	make -s -j "$(nproc)" tests/gpu/twins
}

# convert NAME OPTION...: the dataset in $data to out-NAME
convert() {
	out=$work/out-$1
	shift
	rm -rf "$out"
	"$dir/robocache" convert "$data" -o "$out" -q -q --shard-episodes 3 "$@"
}

# Two conversions with the same digests of bytes and content.
same_shards() {
	for o in "$1" "$2"; do
		sed -n 's/.*"\(content_\)\{0,1\}xxh3_128": "\([0-9a-f]*\)".*/\1\2/p' \
			"$work/out-$o/manifest.json" >"$work/digests-$o"
	done
	cat "$work/digests-$1"
	[ -s "$work/digests-$1" ] && cmp "$work/digests-$1" "$work/digests-$2"
}

# The report of out-NAME has this line.
says() {
	grep -q "$2" "$work/out-$1/report.json" || {
		echo "report.json of $1 lacks $2"
		return 1
	}
}

# Every way to compute the same dataset, with these options of convert.
same_on() {
	data=$1
	shift
	convert cpu --device cpu "$@"
	convert cuda --device cuda "$@"
	same_shards cpu cuda
	says cuda '"kind": "cuda"'
	sed -n '/"sandbox": {/,/}/p' "$work/out-cuda/report.json" | tr -d '\n'
	convert one --device cuda -j 1 --memory 64MiB --device-memory 64MiB "$@"
	same_shards cpu one
	convert all --device cuda:all "$@"
	same_shards cpu all
	# a device that is lost in the middle: recomputed with auto, the end of the run with cuda
	ROBOCACHE_TEST_POISON=2 convert lost --device auto "$@"
	same_shards cpu lost
	says lost '"recomputed_batches": [1-9]'
	end=0
	ROBOCACHE_TEST_POISON=2 convert lost --device cuda "$@" || end=$?
	[ "$end" -eq 1 ]
	lost_device "$@"
	echo "equal on cpu, cuda, cuda with one thread and little memory, cuda:all, a lost device"
}

# --on-gpu-error, and a device without the room that there was.
lost_device() {
	ROBOCACHE_TEST_POISON=2 convert lost --device cuda --on-gpu-error cpu "$@"
	same_shards cpu lost
	says lost '"recomputed_batches": [1-9]'
	: >"$work/once"
	ROBOCACHE_TEST_POISON_ONCE=$work/once ROBOCACHE_TEST_POISON=2 \
		convert lost --device cuda --on-gpu-error retry "$@"
	same_shards cpu lost
	says lost '"retries": 1'
	says lost '"kind": "cuda"'
	end=0
	ROBOCACHE_TEST_POISON=1 convert lost --device cuda --on-gpu-error retry "$@" || end=$?
	[ "$end" -eq 75 ]
	"$dir/robocache" convert "$data" -o "$work/out-lost" -q -q --shard-episodes 3 --resume \
		--device cuda "$@"
	same_shards cpu lost
	ROBOCACHE_TEST_ROOM=24000000 convert full --device cuda "$@"
	same_shards cpu full
	says full '"kind": "cuda"'
	ROBOCACHE_TEST_ROOM=1000 convert full --device auto "$@"
	same_shards cpu full
	says full '"kind": "cpu"'
	end=0
	ROBOCACHE_TEST_ROOM=1000 convert full --device cuda "$@" || end=$?
	[ "$end" -eq 1 ]
}

sample() {
	rm -rf "$work/sample"
	"$dir/examples/record_sample" -o "$work/sample"
	same_on "$work/sample" --rate 20 --fuse state=joint_pos,gripper,eef_pose
	for form in wxyz 6d-rows axis-angle; do
		convert cpu --device cpu --rate 20 --fuse state=eef_pose,joint_pos \
			--convert "eef_pose:$form"
		convert cuda --device cuda --rate 20 --fuse state=eef_pose,joint_pos \
			--convert "eef_pose:$form"
		same_shards cpu cuda
	done
}

ragged() {
	rm -rf "$work/ragged"
	"${PYTHON3:-python3}" -c 'import h5py, numpy' || return 77
	"${PYTHON3:-python3}" "$top/tests/gpu/make_ragged.py" "$work/ragged" 12
	same_on "$work/ragged" --rate 50 --method '*:linear' --method 'quat:slerp' \
		--method 'stream_1:mean' --method 'stream_2:max' --method 'stream_3:min' \
		--fuse 'all=stream_*' --keep-members --dtype "$1"
}

sanitize() {
	tool=$1
	shift
	command -v compute-sanitizer || return 77
	# the tool talks to the program in ways that a sandbox is there to stop
	ROBOCACHE_SANDBOX=off timeout "${SANITIZE_LIMIT:-900}" compute-sanitizer --tool "$tool" \
		--error-exitcode 9 --target-processes application-only "$@"
}

small_convert() {
	data=$work/sample
	rm -rf "$work/out-$1"
	sanitize "$1" "$dir/robocache" convert "$data" -o "$work/out-$1" -q --device cuda -j 2 \
		--rate 20 --fuse state=joint_pos,gripper,eef_pose
}

work=$dir/gpu-work
mkdir -p "$work"
for step in $steps; do
	case $step in
	build)
		check build build "$@"
		[ "$failed" -eq 0 ] || break
		;;
	twins)
		check twins "$dir/tests/gpu/twins" 1 150 1200
		check twins-small "$dir/tests/gpu/twins" 2 600 100
		;;
	convert)
		check sample sample
		check ragged-f32 ragged f32
		check ragged-bf16 ragged bf16
		;;
	sanitize)
		[ -d "$work/sample" ] || "$dir/examples/record_sample" -o "$work/sample"
		for tool in memcheck racecheck initcheck synccheck; do
			check "$tool" sanitize "$tool" "$dir/tests/gpu/twins" 3 40 200 nopoison
			check "$tool-convert" small_convert "$tool"
		done
		;;
	bench)
		check bench sh -c '"$1" bench --device cuda -n 50 --json >"$2"' sh \
			"$dir/robocache" "$results/bench.json"
		;;
	esac
done
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || :
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
