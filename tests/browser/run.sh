#!/usr/bin/env bash
# Tests the documentation pages in Chromium, against a local cloud that is started for it and ended afterwards.
# Needs Chromium (its path in CHROMIUM, unless it is /usr/bin/chromium), Node.js, npm and curl.
set -euo pipefail
cd "$(dirname "$0")"

export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$CHROMIUM" ]; then
    echo "there is no Chromium at $CHROMIUM: install it (Debian: apt-get install chromium), or set CHROMIUM" >&2
    exit 1
fi
npm ci --ignore-scripts --no-audit --no-fund

log=$(mktemp)
# Any free ports, so that a cloud that somebody works with is left alone. The process becomes cargo, and that the cloud.
(cd ../.. && exec cargo run --locked --bin local -- --ephemeral --http-port 0 --aws-port 0) >"$log" 2>&1 &
cloud=$!
end() {
    kill "$cloud" 2>/dev/null || true
    wait "$cloud" || true
    rm -f "$log"
}
trap end EXIT

until BASE_URL=$(sed -n 's/^HTTP API *\(http[^ ]*\)$/\1/p' "$log") && [ -n "$BASE_URL" ] &&
    curl --silent --fail --output /dev/null "$BASE_URL/health"; do
    if ! kill -0 "$cloud" 2>/dev/null; then
        echo "the local cloud did not start:" >&2
        cat "$log" >&2
        exit 1
    fi
    sleep 1
done
export BASE_URL
node --test --test-reporter=spec
