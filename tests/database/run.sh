#!/bin/sh
# Every attempt of rules.sql to break a rule of the ledger, counted: each must be refused, or seen afterwards.
cd "$(dirname "$0")/../.." || exit 1
out=$(tests/support/pg.sh run psql -X -q -f tests/database/rules.sql 2>&1)
status=$?
printf '%s\n' "$out"
attempts=$(printf '%s\n' "$out" | sed -n 's/^ *\([0-9][0-9]*\) attempts refused or seen *$/\1/p')
if [ "$status" -eq 0 ] && [ -n "$attempts" ]; then
    echo "$attempts passed, 0 failed, 0 skipped"
    exit 0
fi
echo "0 passed, 1 failed, 0 skipped"
exit 1
