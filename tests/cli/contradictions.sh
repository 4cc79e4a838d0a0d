# SPDX-License-Identifier: Apache-2.0
# Settings that cannot go together.
. "$CLI_LIB"
sample
try robocache convert raw -o out --timeline reference --rate 10
try robocache convert raw -o out --timeline union
try robocache convert raw -o out --timeline union --reference action --rate 10
try robocache convert raw -o out --rate 10 --gap-policy drop
try robocache convert raw -o out --method nearest
try robocache convert raw -o out --rate 10 --split train:0.9
try robocache convert raw -o out --rate 10 --keep action --drop action
echo '{"rate": 10}' | try robocache convert -o out -c - --files-from -
ls -A
