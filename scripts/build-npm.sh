#!/usr/bin/env bash
# Builds the npm package @portcullis/engine into wasm/pkg/.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

compile() {
  say "Compiling the npm package to WebAssembly (about two minutes the first time)"
  run_wasm_pack wasm npm engine
  optimise target/npm/engine_bg.wasm target/npm/optimised.wasm
}

scripts/setup.sh wasm npm
(use_wasm_toolchain && compile)
node wasm/js/assemble.mjs target/npm wasm/pkg
say "Built wasm/pkg/: WebAssembly $(kilobytes wasm/pkg/engine_bg.wasm)"
