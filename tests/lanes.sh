#!/usr/bin/env bash
# All tests of a marker in two lanes at once: those of running fleets, which mostly wait, and the rest, which mostly
# computes. `tests/lanes.sh PYTEST MARKER`; fails if either lane does.
set -uo pipefail
pytest=$1 marker=$2

"$pytest" -m "$marker" --ignore=tests/e2e 2>&1 | sed -u 's/^/      rest | /' &
rest=$!
trap 'pkill -INT -P $$' INT TERM # bash keeps Ctrl-C from what runs in the background
"$pytest" -m "$marker" tests/e2e 2>&1 | sed -u 's/^/    fleets | /'
fleets_failed=$?
wait "$rest"
rest_failed=$?
exit $((fleets_failed || rest_failed))
