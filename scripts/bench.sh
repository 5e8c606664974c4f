#!/usr/bin/env bash
# The table of benchmarks: natively, then as WebAssembly in Node, then criterion's history.
#   scripts/bench.sh          all three (about ten minutes)
#   scripts/bench.sh table    the native table only
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh rust
say "Benchmarks, native (about three minutes, most of it building)"
cargo build --release --quiet -p portcullis-bench
target/release/portcullis-bench
[ "${1:-}" = table ] && exit 0

scripts/setup.sh node
say "Benchmarks, WebAssembly in Node (about two minutes)"
scripts/build-npm.sh >/dev/null
target/release/portcullis-bench write target/bench
node bench/node.mjs target/bench

say "Criterion (about two minutes)"
cargo bench -p portcullis-bench
