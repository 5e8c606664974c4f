#!/usr/bin/env bash
# Tests against a real API server on this machine; builds it first. Leaves with 3 where Go is missing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh rust
scripts/build-kube.sh
say "Tests with an API server (under a minute, once they are built)"
PORTCULLIS_KUBE=required cargo test ${LOCKED[@]+"${LOCKED[@]}"} -p portcullis-kube
