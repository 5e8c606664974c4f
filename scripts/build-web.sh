#!/usr/bin/env bash
# Builds the playground into dist/: index.html, js/ (from web/js) and app/ (the crate web).
# All paths are relative, so dist/ can be served from any folder of any static host.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

bundle_js() {
  say "Bundling the editor and the graph (seconds)"
  (cd web/js && npm run --silent build)
}

compile() {
  say "Compiling the playground to WebAssembly (about three minutes the first time)"
  rm -rf target/web/snippets
  run_wasm_pack web web portcullis_web
  optimise target/web/portcullis_web_bg.wasm target/web/optimised.wasm
}

assemble() {
  local new=target/dist.new
  rm -rf "$new" && mkdir -p "$new/app"
  cp index.html "$new/"
  cp -R web/js/dist "$new/js"
  cp target/web/portcullis_web.js "$new/app/"
  cp target/web/optimised.wasm "$new/app/portcullis_web_bg.wasm"
  # JavaScript inside the crates that the page depends on.
  if [ -d target/web/snippets ]; then cp -R target/web/snippets "$new/app/"; fi
  if [ -d web/assets ]; then cp -R web/assets "$new/assets"; fi
  node scripts/precache.mjs "$new"
  rm -rf dist && mv "$new" dist
}

scripts/setup.sh web
bundle_js
# In a subshell: where Debian's compiler builds WebAssembly, it is only for this.
(use_wasm_toolchain && compile)
assemble
say "Built dist/: WebAssembly $(kilobytes dist/app/portcullis_web_bg.wasm)"
