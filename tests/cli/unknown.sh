# SPDX-License-Identifier: Apache-2.0
# Typos are answered with the nearest name.
. "$CLI_LIB"
try robocache convret
try robocache help inspekt
try robocache --versoin
try robocache xyzzy
try robocache convert --raet 20 raw -o out
try robocache convert --xyzzy raw -o out
try robocache convert -Z raw -o out
try robocache convert raw -o
try robocache convert raw -o out --timeline unoin
try robocache convert raw -o out --rate fast
try robocache convert raw -o out --strict=yes
try robocache convert raw -o out --threads -1
ls -A
