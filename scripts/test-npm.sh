#!/usr/bin/env bash
# Tests the npm package as its users get it: packed, unpacked under node_modules, then
# imported and required by Node, put into bundles by four bundlers and type-checked.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

INSTALLED=wasm/tests/node_modules/@portcullis/engine

# What `npm pack` leaves out is missing here too, as it would be for a user.
install_packed() {
  local tarball
  rm -rf "$INSTALLED" target/npm-pack && mkdir -p "$INSTALLED" target/npm-pack
  (cd wasm/pkg && npm pack --silent --pack-destination "$ROOT/target/npm-pack" >/dev/null)
  tarball=$(echo target/npm-pack/*.tgz)
  tar -xzf "$tarball" -C "$INSTALLED" --strip-components=1
  say "Packed $(basename "$tarball"): $(($(wc -c <"$tarball") / 1000)) kB"
}

check_types() {
  local config
  for config in wasm/tests/types/tsconfig.*.json; do
    say "Type-checking under $(basename "$config")"
    "$NPM_TOOLS/.bin/tsc" --noEmit -p "$config"
  done
}

scripts/build-npm.sh
scripts/setup.sh bundlers
install_packed
say "Using the package from Node (seconds)"
node --test --test-reporter=spec wasm/tests/*.test.* tests/node/*.test.mjs
check_types
