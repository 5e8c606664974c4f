#!/usr/bin/env bash
# The tables of the node agent's benchmark: a real API server, a real kernel, real packets. Needs
# root, Linux and Go; about half an hour, which options shorten (see them with --help).
#   scripts/bench-agent.sh [OPTION…]
#   scripts/bench-agent.sh --pods 110 --policies 1000 --cluster 1100 --synthetic 0   two minutes
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ "$(uname)" = Linux ] || missing "there is no iptables on this system"
scripts/setup.sh rust packets
scripts/build-kube.sh
say "Building the agent as it is shipped, and the benchmark (a few minutes)"
cargo build --release --quiet -p portcullis-agent
cargo build --quiet -p portcullis-bench-agent
exec target/debug/portcullis-bench-agent "$@"
