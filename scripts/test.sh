#!/usr/bin/env bash
# All tests, one step after the other; a failed step does not hide the next.
#   scripts/test.sh         everything
#   scripts/test.sh quick   format, clippy and tests of the native crates
set -euo pipefail
. "$(dirname "$0")/lib.sh"

WASM_CRATES=(-p portcullis-engine -p portcullis-wasm -p portcullis-web)
summary=()
failed=0

# step NAME COMMAND...
step() {
  local name=$1 start=$SECONDS result=ok
  shift
  say "Test: $name"
  "$@" || { result=FAILED; failed=$((failed + 1)); }
  summary+=("$(printf '%-7s %4d s  %s' "$result" $((SECONDS - start)) "$name")")
}

clippy() { cargo clippy ${LOCKED[@]+"${LOCKED[@]}"} "$@" -- -D warnings; }

# In the profile of what is built: its macros serve both, and native builds are not waited for.
clippy_wasm() { (use_wasm_toolchain && clippy --profile wasm --target "$WASM_TARGET" "${WASM_CRATES[@]}"); }

conclude() {
  printf '\n'
  printf '%s\n' "${summary[@]}"
  printf '\nsteps: %d passed, %d failed\n' $((${#summary[@]} - failed)) "$failed"
  [ "$failed" = 0 ]
}

# An API server to test with, where Go can build it. From then on no test may skip for want of it.
kube() {
  local code=0
  scripts/build-kube.sh || code=$?
  case $code in
    0) export PORTCULLIS_KUBE=required ;;
    3) say "Tests with an API server are skipped" ;;
    *) return "$code" ;;
  esac
}

quick() {
  scripts/setup.sh rust
  say "Quick tests (about three minutes the first time, then seconds)"
  scripts/setup.sh lint
  step "format" cargo fmt --all --check
  step "clippy" clippy --all-targets
  step "unit and case tests" cargo test --no-fail-fast ${LOCKED[@]+"${LOCKED[@]}"}
}

# All that is WebAssembly: checked, then compiled, in a lane of its own.
wasm() { clippy_wasm && scripts/build-npm.sh && scripts/build-web.sh; }

# finish PID LOG: waits for what was started in the background, and shows what it said.
finish() {
  local code=0
  wait "$1" || code=$?
  cat "$2"
  return "$code"
}

everything() {
  scripts/setup.sh rust node
  say "All tests (about 45 minutes the first time on two cores, tools included; then about half of that)"
  # All that may be missing is installed or named before the first test runs.
  scripts/setup.sh lint e2e web deny
  step "format" cargo fmt --all --check
  # Compilers are often busy with one crate on one processor, and some tests wait more than they work:
  # what goes to browsers is compiled meanwhile. What it says comes when it is done.
  mkdir -p "$TOOLS/logs"
  wasm >"$TOOLS/logs/wasm-lane.log" 2>&1 &
  local lane=$!
  step "clippy, native" clippy --workspace --all-targets --test namespaces
  step "an API server to test with" kube
  step "unit and case tests" cargo test --workspace --no-fail-fast ${LOCKED[@]+"${LOCKED[@]}"}
  step "packets through the node agent's rules" scripts/test-packets.sh
  step "WebAssembly: clippy, package and page" finish "$lane" "$TOOLS/logs/wasm-lane.log"
  step "the static server" node --test --test-reporter=spec scripts/serve.test.mjs
  step "JavaScript of the page" scripts/test-js.sh
  step "npm package: Node and types" scripts/test-npm.sh
  step "page in Chromium" scripts/test-e2e.sh
  step "dependencies: licences, duplicates, sources" scripts/test-deny.sh
}

if [ "${1:-}" = quick ]; then quick; else everything; fi
conclude
