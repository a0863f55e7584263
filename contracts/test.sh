#!/bin/sh
# Tests of the contracts and their tools. Last line: `N passed, N failed, N skipped`; status 1 unless
# all passed. Needs `npm ci --ignore-scripts` in this folder, no network.
set -eu
cd "$(dirname "$0")"
exec node tools/test_all.mjs
