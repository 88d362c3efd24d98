#!/usr/bin/env bash
# Runs a command against a cloud of its own that keeps nothing, and ends the cloud with it:
#
#   tests/with-cloud.sh tests/schemathesis/run.sh
#
# The command finds the API at BASE_URL, and may sign in as ADMIN_EMAIL with ADMIN_PASSWORD. Needs the Rust toolchain and
# curl.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

log=$(mktemp)
# Any free ports, so that a cloud that somebody works with is left alone. The process becomes cargo, and that the cloud.
(cd "$root" && exec cargo run --locked --quiet --bin local -- --ephemeral --http-port 0 --aws-port 0) >"$log" 2>&1 &
cloud=$!
end() {
    kill "$cloud" 2>/dev/null || true
    wait "$cloud" || true
    rm -f "$log"
}
trap end EXIT

# Functions are built before the cloud is ready, which takes minutes in a fresh clone.
limit=1200
until grep -q '^ready' "$log"; do
    if [ "$SECONDS" -ge "$limit" ]; then
        cat "$log" >&2
        echo "the local cloud was not ready within $((limit / 60)) minutes" >&2
        exit 1
    fi
    if ! kill -0 "$cloud" 2>/dev/null; then
        cat "$log" >&2
        echo "the local cloud did not start" >&2
        exit 1
    fi
    sleep 0.5
done
BASE_URL=$(sed -n 's/^HTTP API *//p' "$log")
ADMIN_EMAIL=$(sed -n 's|^first admin *\(.*\) / .*|\1|p' "$log")
ADMIN_PASSWORD=$(sed -n 's|^first admin *.* / ||p' "$log")
export BASE_URL ADMIN_EMAIL ADMIN_PASSWORD

"$@" || failed=$?
if [ -n "${failed:-}" ]; then
    echo "== the end of the cloud's log" >&2
    tail -n 50 "$log" >&2
    exit "$failed"
fi
