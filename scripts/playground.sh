#!/usr/bin/env bash
# Installs what is missing, builds the playground and serves it on loopback until Ctrl-C.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh rust node
say "The first run installs tools and builds everything (about ten minutes on two cores), the next takes seconds"
scripts/build-web.sh
say "Serving dist/ on this machine only; Ctrl-C stops it"
exec node scripts/serve.mjs dist "${PORT:-8787}"
