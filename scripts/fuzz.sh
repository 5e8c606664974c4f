#!/usr/bin/env bash
# Runs a fuzz target: scripts/fuzz.sh TARGET [SECONDS]; targets: read, compile, json.
# Needs a nightly compiler; cargo-fuzz is installed beside the other tools.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

target=${1:?name a target: read, compile or json}
seconds=${2:-60}
scripts/setup.sh rust
rustup toolchain list 2>/dev/null | grep -q nightly || missing "fuzzing needs a nightly compiler: rustup toolchain install nightly"
if ! have cargo-fuzz; then
  say "Installing cargo-fuzz (about half a minute)"
  quietly cargo-fuzz cargo install cargo-fuzz --root "$TOOLS"
fi
mkdir -p "fuzz/corpus/$target"
say "Fuzzing $target for $seconds seconds"
cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048
