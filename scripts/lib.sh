# shellcheck shell=bash
# What the scripts share: where things are, how they speak, how they leave. Sourced, never run.
# Written for bash 3.2, which is what macOS has.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=${PORTCULLIS_TOOLS:-$HOME/.cache/portcullis}
NPM_TOOLS=$ROOT/scripts/npm/node_modules
WASM_TARGET=wasm32-unknown-unknown
# shellcheck source=versions
. "$ROOT/scripts/versions"

cd "$ROOT" || exit 2
export PATH="$TOOLS/bin:$PATH"
LOCKED=()
if [ "${CI:-}" = true ]; then
  export NO_COLOR=1 CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never npm_config_progress=false
  # Nothing is built twice there: what a second build would start from is not worth writing.
  export CARGO_INCREMENTAL=0
  # A lock file that does not match must fail there, not be mended unseen.
  LOCKED=(--locked)
fi

say() { printf '==> %s\n' "$*"; }

# The set-up cannot go on: one line that says how to get what is missing.
missing() {
  printf 'portcullis: %s\n' "$*" >&2
  exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# Is version $1 at least $2?  (sort -V is not on every system.)
at_least() {
  local IFS=.
  # shellcheck disable=SC2206
  local a=($1) b=($2)
  [ "${a[0]}" -gt "${b[0]}" ] || { [ "${a[0]}" -eq "${b[0]}" ] && [ "${a[1]}" -ge "${b[1]}" ]; }
}

can_apt() { have apt-get && [ "$(id -u)" = 0 ]; }

# quietly NAME COMMAND...: output goes to a log, whose end is shown if the command fails.
# At a terminal it is shown as it comes: minutes of silence look like a hang.
quietly() {
  local log="$TOOLS/logs/$1.log"
  shift
  if [ -t 2 ] && [ "${CI:-}" != true ]; then
    "$@"
    return
  fi
  mkdir -p "$TOOLS/logs"
  "$@" >"$log" 2>&1 && return
  tail -n 30 "$log" >&2
  return 1
}

# The directory of the compiler in use that holds the WebAssembly target's standard library.
wasm_libdir() { "${1:-rustc}" --print target-libdir --target "$WASM_TARGET" 2>/dev/null; }

has_wasm_target() {
  local dir
  dir=$(wasm_libdir "$@") && ls "$dir"/libstd-*.rlib >/dev/null 2>&1
}

# use_wasm_toolchain: where only Debian's compiler has the target, builds for it use that one.
# Its target directory is apart, or each compiler would throw away what the other has built.
use_wasm_toolchain() {
  has_wasm_target && return
  has_wasm_target /usr/bin/rustc || missing "the $WASM_TARGET target is not set up; run: make setup"
  export PATH="$TOOLS/bin:/usr/bin:$PATH" CARGO_TARGET_DIR="$ROOT/target/debian"
}

# run_wasm_pack CRATE NAME: CRATE as a module for the web in target/NAME, not yet optimised.
# wasm-pack's own wasm-opt step would download one; ours is `optimise`.
run_wasm_pack() {
  wasm-pack --log-level error build "$1" --mode no-install --target web --profile wasm \
    --no-opt --no-pack --no-gitignore --out-dir "$ROOT/target/$2" --out-name "$3" -- ${LOCKED[@]+"${LOCKED[@]}"}
}

# Passes of wasm-opt that make the module smaller as it is downloaded, compressed: those of -Oz make
# it smaller as it stands, and larger by a sixth compressed (docs/decisions/0007-size-of-the-package.md).
WASM_PASSES=(
  --strip-debug --strip-producers --strip-target-features
  --duplicate-function-elimination --dce --vacuum --remove-unused-brs --remove-unused-names
  --optimize-instructions --remove-unused-module-elements
)

# optimise IN OUT: wasm-opt for size, skipped when OUT was made from the same IN.
optimise() {
  local key stamp="$2.stamp"
  key="$(cksum <"$1") $(cksum <scripts/npm/package-lock.json) ${WASM_PASSES[*]}"
  [ -f "$2" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && return
  say "Making $(basename "$1") smaller with wasm-opt (under a minute)"
  "$NPM_TOOLS/.bin/wasm-opt" "${WASM_PASSES[@]}" "$1" -o "$2" && echo "$key" >"$stamp"
}

kilobytes() { echo "$(($(wc -c <"$1") / 1000)) kB, $(($(gzip -9c "$1" | wc -c) / 1000)) kB gzipped"; }
