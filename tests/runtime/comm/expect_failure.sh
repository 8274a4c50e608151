#!/bin/sh
# expect_failure.sh SECONDS COMMAND...: succeeds if COMMAND ends by itself
# within SECONDS, and not with 0.
limit=$1
shift
timeout "$limit" "$@"
code=$?
echo "exit code $code"
[ "$code" -ne 0 ] && [ "$code" -ne 124 ]
