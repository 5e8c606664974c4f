#!/usr/bin/env bash
# Installs what is missing of the named parts, outside the tree, and says so:
#   scripts/setup.sh rust node wasm npm bundlers deny web e2e packets mutants
# Whatever is there in the right version is left alone, so a second run takes a second.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

setup_rust() {
  local least version
  least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  { have cargo && have rustc; } || missing "Rust is missing: install it with rustup, as https://rustup.rs says"
  version=$(rustc --version | cut -d' ' -f2)
  at_least "$version" "$least" || missing "Rust $version is too old, $least is needed; run: rustup update stable"
  have cc || missing "a C compiler is missing; run: apt-get install build-essential (macOS: xcode-select --install)"
}

setup_components() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  say "Installing rustfmt and clippy (seconds)"
  rustup component add rustfmt clippy || missing "rustfmt or clippy is missing; run: rustup component add rustfmt clippy"
}

setup_node() {
  local version
  { have node && have npm; } || missing "Node.js $NODE_MAJOR_MIN or later with npm is missing: install it from https://nodejs.org"
  version=$(node --version)
  at_least "${version#v}" "$NODE_MAJOR_MIN.0" || missing "Node.js $version is too old, $NODE_MAJOR_MIN is needed: https://nodejs.org"
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local options=(-y -qq --no-install-recommends -o DPkg::Lock::Timeout=300)
  quietly apt-update apt-get update -qq || true
  quietly apt-install apt-get install "${options[@]}" "$@"
}

setup_wasm_target() {
  has_wasm_target || has_wasm_target /usr/bin/rustc && return
  say "Adding the compiler's $WASM_TARGET target (seconds)"
  have rustup && quietly rustup-target rustup target add "$WASM_TARGET" && has_wasm_target && return
  can_apt || missing "the target cannot be added; run: rustup target add $WASM_TARGET"
  scripts/debian-wasm-target.sh
}

# cargo_tool CRATE VERSION COMMAND MINUTES: installs a tool unless COMMAND is there in VERSION.
# Lightly optimised: building the tool takes longer than it will ever run.
cargo_tool() {
  # shellcheck disable=SC2086 # a subcommand of cargo is two words
  [ "$($3 --version 2>/dev/null | awk '{print $2; exit}')" = "$2" ] && return
  say "Building $1 $2, once (about $4 minutes)"
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
  # A lock file may name a version that a mirror of the registry does not have (yet).
  cargo_install "$1" "$2" --locked && return
  say "That lock file cannot be met here; building $1 $2 with the versions that can be had"
  cargo_install "$1" "$2" || missing "$1 could not be built; see above, or run: cargo install $1 --version $2"
}

cargo_install() {
  CARGO_TARGET_DIR="$BUILD" quietly "$1" cargo install "$1" --version "$2" --root "$TOOLS" --force ${3:+"$3"}
}

setup_wasm() {
  local bindgen
  bindgen=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock)
  setup_wasm_target
  cargo_tool wasm-bindgen-cli "$bindgen" wasm-bindgen 2
  cargo_tool wasm-pack "$WASM_PACK_VERSION" wasm-pack 2
}

# npm_ci DIR: installs exactly what DIR/package-lock.json says, unless that was done before.
npm_ci() {
  local key stamp="$1/node_modules/.portcullis-stamp"
  [ -f "$1/package-lock.json" ] || missing "$1/package-lock.json is missing; the checkout is not whole"
  key="$(node --version) $(cksum <"$1/package-lock.json")"
  [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && return
  say "Installing the npm packages of $1 (under a minute)"
  (cd "$1" && quietly "npm-${1//\//-}" npm ci --no-audit --no-fund --loglevel=error) ||
    missing "npm ci failed in $1, see above; is the npm registry reachable?"
  mkdir -p "$1/node_modules" && echo "$key" >"$stamp"
}

setup_chromium() {
  [ -n "$(scripts/find-chromium.sh)" ] && return
  can_apt || missing "Chromium is missing: install it (Debian: sudo apt-get install chromium), or set CHROMIUM to one"
  say "Installing Chromium (about a minute)"
  apt_install chromium || missing "Chromium could not be installed, see above; install it, or set CHROMIUM to one"
}

# Administration tools are not on every user's path.
have_admin() { have "$1" || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

# What the packet tests of the node agent need. They are skipped without it, so nothing fails here.
setup_packets() {
  local tool all=1
  for tool in iptables-nft iptables-legacy nft ipset ip conntrack; do have_admin "$tool" || all=0; done
  if [ "$all" = 1 ] || [ "$(uname)" != Linux ]; then return; fi
  if ! can_apt; then
    say "Packet tests of the node agent will be skipped: as root, install iptables nftables ipset iproute2 conntrack"
    return
  fi
  say "Installing iptables, nftables, ipset, iproute2 and conntrack (seconds)"
  apt_install iptables nftables ipset iproute2 conntrack || say "They could not be installed: packet tests will be skipped"
}

setup() {
  case $1 in
    rust) setup_rust ;;
    lint) setup_rust && setup_components ;;
    node) setup_node ;;
    wasm) setup_rust && setup_wasm ;;
    npm) setup_node && npm_ci scripts/npm ;;
    bundlers) setup_node && npm_ci wasm/tests/bundlers ;;
    mutants) setup_rust && cargo_tool cargo-mutants "$CARGO_MUTANTS_VERSION" "cargo mutants" 1 ;;
    deny) setup_rust && cargo_tool cargo-deny "$CARGO_DENY_VERSION" cargo-deny 2 ;;
    web) setup wasm && setup npm && npm_ci web/js ;;
    packets) setup_packets ;;
    e2e) setup_node && setup_chromium && npm_ci tests/e2e ;;
    *) missing "scripts/setup.sh knows no part named $1" ;;
  esac
}

# Shared by the tools that one run builds; over a gigabyte, and of no use once they are installed.
BUILD=$TOOLS/build.$$
trap 'rm -rf "$BUILD"' EXIT
for part in "$@"; do setup "$part"; done
