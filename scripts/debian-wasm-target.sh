#!/usr/bin/env bash
# The WebAssembly target from Debian's packages, for machines where rustup cannot reach its server:
# a compiler under /usr/bin with a matching standard library, built from Debian's own source of it.
# Needs root. Called by setup.sh; takes three to five minutes, once.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

HOST=$(uname -m)-unknown-linux-gnu
SYSROOT=/usr/lib/rustlib

install_packages() {
  say "rustup cannot add it: installing Debian's compiler instead (about a minute)"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-update apt-get update -qq || true
  quietly apt-rust apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    rustc-web cargo-web rust-web-src rust-web-clippy lld-19
}

# rustc looks for its linker by this name beside its own libraries.
link_linker() {
  mkdir -p "$SYSROOT/$HOST/bin"
  ln -sf /usr/lib/llvm-19/bin/lld "$SYSROOT/$HOST/bin/rust-lld"
}

# An empty crate built with -Zbuild-std leaves the standard library's .rlib files among its
# dependencies; copied to where rustc looks for a target, they need no flag afterwards.
# With bitcode, which cargo would leave out: the `wasm` profile links all in one (lto = "fat").
build_std() {
  local crate=$1
  say "Building its standard library for WebAssembly (about two minutes)"
  mkdir -p "$crate/src"
  : >"$crate/src/lib.rs"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$crate/Cargo.toml"
  (cd "$crate" && PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR="$crate/target" quietly build-std \
    /usr/bin/cargo build --release -Zbuild-std=std,panic_abort --target "$WASM_TARGET")
}

install_std() {
  local crate=$1
  rm -f "$crate/target/$WASM_TARGET/release/deps/"libempty-*.rlib
  mkdir -p "$SYSROOT/$WASM_TARGET/lib"
  cp "$crate/target/$WASM_TARGET/release/deps/"*.rlib "$SYSROOT/$WASM_TARGET/lib/"
}

crate=$(mktemp -d)
trap 'rm -rf "$crate"' EXIT
install_packages || missing "Debian's Rust packages could not be installed; run: rustup target add $WASM_TARGET"
link_linker
build_std "$crate" && install_std "$crate"
has_wasm_target /usr/bin/rustc || missing "the target could not be built from Debian's packages; run: rustup target add $WASM_TARGET"
