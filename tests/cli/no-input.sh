# SPDX-License-Identifier: Apache-2.0
# Nothing to read is a mistake in the command: nothing is made.
. "$CLI_LIB"
mkdir empty texts
echo text >texts/notes.txt
try robocache convert -o out
try robocache convert nowhere.h5 -o out
try robocache convert empty -o out
try robocache convert texts -o out
try robocache convert '' -o out
try robocache convert --files-from nowhere -o out
try robocache convert --files-from /dev/null -o out
try robocache convert texts
ls -A
