#!/usr/bin/env bash
# Builds the playground, serves it on a free port and drives it in Chromium. The tests get:
#   PORTCULLIS_URL   where the page is       CHROMIUM   the browser
#   PORTCULLIS_OUT   a folder for screenshots and traces
# Arguments are passed to `node --test`, e.g. --test-name-pattern=edit.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

export PORTCULLIS_OUT=$ROOT/target/e2e

serve() {
  node scripts/serve.mjs dist 0 >"$PORTCULLIS_OUT/server.log" 2>&1 &
  SERVER=$!
  trap 'kill "$SERVER" 2>/dev/null' EXIT
  local tries=0
  until PORTCULLIS_URL=$(grep -o 'http://[^ ]*' "$PORTCULLIS_OUT/server.log"); do
    tries=$((tries + 1))
    { kill -0 "$SERVER" 2>/dev/null && [ "$tries" -lt 100 ]; } || { cat "$PORTCULLIS_OUT/server.log" >&2; exit 1; }
    sleep 0.1
  done
  export PORTCULLIS_URL
}

scripts/setup.sh e2e
scripts/build-web.sh
CHROMIUM=$(scripts/find-chromium.sh)
export CHROMIUM
mkdir -p "$PORTCULLIS_OUT"
serve
say "Driving $PORTCULLIS_URL in $CHROMIUM (about a minute)"
# Files by name: Node's versions disagree on what a folder means.
tests=(tests/e2e/*.test.mjs)
[ -f "${tests[0]}" ] || { echo "portcullis: no test in tests/e2e/" >&2; exit 1; }
node --test --test-reporter=spec "$@" "${tests[@]}"
