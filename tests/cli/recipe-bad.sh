# SPDX-License-Identifier: Apache-2.0
# Recipes that are wrong: where, and what was meant.
. "$CLI_LIB"
sample
refuse() {
	printf '%s' "$1" >r.json
	try robocache convert raw -o out -c r.json
}
refuse '{"rate": 10,
  "drop": ["a" "b"]}'
refuse ''
refuse '[]'
refuse '{"raet": 10}'
refuse '{"rate": 10, "rate": 20}'
refuse '{"output": "there"}'
refuse '{"rate": "fast"}'
refuse '{"method": {"joint_pos": "liner"}, "rate": 10}'
try robocache convert raw -o out -c nowhere.json
echo '{"rate": 10' | try robocache convert raw -o out -c -
ls -A
