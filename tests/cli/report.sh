# SPDX-License-Identifier: Apache-2.0
# The report on standard output and elsewhere.
. "$CLI_LIB"
sample
try robocache convert raw -o out --rate 10 --report - >r.json
sed -n '1,2p; /"status": "ok"/{p;q;}' r.json
tail -n 2 r.json
show out
try robocache convert raw -o out2 --rate 10 -q --report there.json
show out2
head -n 2 there.json
try robocache convert raw -o out3 --rate 10 -q --report no/such/there.json
