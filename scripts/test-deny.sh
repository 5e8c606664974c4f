#!/usr/bin/env bash
# Licences, sources and duplicates of all dependencies; advisories where their database can be had.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh deny
cargo deny --log-level warn check bans licenses sources

limit=()
if have timeout; then limit=(timeout 120); fi
if ${limit[@]+"${limit[@]}"} cargo deny --log-level off fetch db >/dev/null 2>&1; then
  cargo deny --log-level warn check --disable-fetch advisories
else
  say "Advisories not checked: their database cannot be reached from here"
fi
