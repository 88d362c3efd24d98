#!/usr/bin/env bash
# Starts a cloud of its own that keeps nothing, and calls it with what is made from openapi.json: the TypeScript client
# and schemathesis. Needs the Rust toolchain, Node 20 and Python 3.11, or newer. EXAMPLES bounds schemathesis.
set -euo pipefail
cd "$(dirname "$0")/../.."

log=$(mktemp)
cargo run --quiet --bin local -- --ephemeral --http-port 0 --aws-port 0 >"$log" &
cloud=$!
end() {
    kill "$cloud" 2>/dev/null || true
    wait "$cloud" || true
    rm -f "$log"
}
trap end EXIT

# Functions are built before the cloud is ready, which takes minutes in a fresh clone.
until grep -q '^ready' "$log"; do
    if ! kill -0 "$cloud" 2>/dev/null; then
        cat "$log" >&2
        echo "the cloud did not start" >&2
        exit 1
    fi
    sleep 0.5
done
BASE_URL=$(sed -n 's/^HTTP API *//p' "$log")
ADMIN_EMAIL=$(sed -n 's|^first admin *\(.*\) / .*|\1|p' "$log")
ADMIN_PASSWORD=$(sed -n 's|^first admin *.* / ||p' "$log")
export BASE_URL ADMIN_EMAIL ADMIN_PASSWORD
curl --silent --show-error --fail --retry 10 --retry-connrefused "$BASE_URL/health" >/dev/null

echo "== the TypeScript client"
tests/clients/typescript/run.sh
echo "== schemathesis"
tests/schemathesis/run.sh || failed=$?

if [ -n "${failed:-}" ]; then
    echo "== the end of the cloud's log" >&2
    tail -n 50 "$log" >&2
    exit "$failed"
fi
