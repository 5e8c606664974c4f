#!/usr/bin/env bash
# Checks and tests the JavaScript parts of the page, web/js, without a browser.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh node web
cd web/js
npm run --silent check
npm run --silent test
