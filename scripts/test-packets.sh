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
# As members of the workspace: by itself the package is built of other features, all of it once more.
cargo test -q ${LOCKED[@]+"${LOCKED[@]}"} --workspace --test namespaces -- "$@"
