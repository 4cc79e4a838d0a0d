# SPDX-License-Identifier: Apache-2.0
# Splits depend on seed and names, not on what else there is.
. "$CLI_LIB"
sample --episodes 8
robocache convert raw -o out --rate 10 -n --split train:0.5,valid:0.5 | grep -e '->' >all
mkdir rest
mv raw/*[0146].h5 rest
robocache convert ./raw/ -o out --rate 10 -n --split train:0.5,valid:0.5 | grep -e '->' >some
grep '[2357].h5' all | diff - some && cat some
mv rest/* raw
robocache convert raw -o out --rate 10 -q --split train:0.5,valid:0.5 --seed 7
grep '"split"' out/manifest.json | sort | uniq -c | sed 's/^ *//'
robocache convert raw -o out2 --rate 10 -q --split train:0.5,valid:0.5 --seed 7 -j1
cmp out/shard-00000.h5 out2/shard-00000.h5 && echo same
