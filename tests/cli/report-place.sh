# SPDX-License-Identifier: Apache-2.0
# A report takes the place of nothing but a report, and where it cannot go is said before the work.
. "$CLI_LIB"
sample
cp -r raw kept
run() {
	try robocache convert raw -o out -q --rate 10 --force --report "$@"
}
run raw/episode_0000.h5
run none/report.json
run out/manifest.json
run ./out/shard-00000.h5
mkfifo pipe
run pipe
run raw
run raw/
diff -r raw kept
show .
run ./out/mine.json
: >new.json
run new.json
run new.json
run out/shard-00001.h5
echo '{"rate": 10}' >recipe.json
run recipe.json -c recipe.json
cat recipe.json
robocache verify out
