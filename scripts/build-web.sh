#!/usr/bin/env bash
# Builds the playground into dist/: index.html, and everything that it loads in dist/assets/.
# All paths are relative, so dist/ can be served from any folder of any static host.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# web/js comes first: the crate may import from web/js/dist.
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
  rm -rf "$new" && mkdir -p "$new/assets"
  cp index.html "$new/"
  if [ -d web/assets ]; then cp -R web/assets/. "$new/assets/"; fi
  cp -R web/js/dist/. "$new/assets/"
  cp target/web/portcullis_web.js "$new/assets/"
  cp target/web/optimised.wasm "$new/assets/portcullis_web_bg.wasm"
  # What the crate imports by `#[wasm_bindgen(module = "/js/…")]`.
  if [ -d target/web/snippets ]; then cp -R target/web/snippets "$new/assets/"; fi
  rm -rf dist && mv "$new" dist
}

scripts/setup.sh web
bundle_js
# In a subshell: where Debian's compiler builds WebAssembly, it is only for this.
(use_wasm_toolchain && compile)
assemble
say "Built dist/: WebAssembly $(kilobytes dist/assets/portcullis_web_bg.wasm)"
