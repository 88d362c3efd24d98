#!/usr/bin/env bash
# Uses the pages of the API in Chromium, of a cloud that is started for it:
#
#   tests/with-cloud.sh tests/browser/run.sh
#
# Needs Node.js 20 or newer, and Chromium, whose path is in CHROMIUM unless it is /usr/bin/chromium.
set -euo pipefail
cd "$(dirname "$0")"

: "${BASE_URL:?the address of the API; tests/with-cloud.sh sets it}"
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$CHROMIUM" ]; then
    echo "there is no Chromium at $CHROMIUM: install it (Debian: apt-get install chromium), or set CHROMIUM" >&2
    exit 1
fi
npm ci --ignore-scripts --no-audit --no-fund
node --test --test-reporter=spec
