#!/usr/bin/env bash
# Packets between network namespaces, through the rules that the node agent makes. Needs root, and
# says that it is skipped without. Tests in which the agent follows an API server run where one is
# built (scripts/build-kube.sh).
#   scripts/test-packets.sh [WORD…]    only tests with one of these words in their names, such as "API server"
#   PROBES=100000 FIRST=7 …            so many random probes, from this seed on
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh rust packets
if [ "$(uname)" != Linux ]; then
  say "skipped: needs Linux"
  exit
fi
# With the unit tests of the workspace, which take seconds: asked for alone, the packages are built of
# other features, all of them once more.
cargo test -q ${LOCKED[@]+"${LOCKED[@]}"} --workspace --lib --test namespaces -- "$@"
