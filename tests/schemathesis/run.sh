#!/usr/bin/env bash
# Calls every operation of the document with generated requests, as an administrator and as nobody, and holds the answers
# against the document. Needs Python 3.11 or newer.
#
#   BASE_URL        the API; http://127.0.0.1:8000 if it is not set
#   ADMIN_PASSWORD  the first administrator's password, as `cargo dev` prints it
#   ADMIN_EMAIL     the first administrator's email; admin@example.com if it is not set
#   SCHEMA          the document: a file or an address; the one that the API serves if it is not set
#   EXAMPLES        most requests an operation and phase; 200 if it is not set
#
# Use a cloud that keeps nothing (`cargo dev --ephemeral`): what is there will be changed and deleted.
set -euo pipefail
cd "$(dirname "$0")"

export BASE_URL=${BASE_URL:-http://127.0.0.1:8000}
: "${ADMIN_PASSWORD:?the password of the first administrator}"

if ! cmp --silent requirements.txt .venv/requirements.txt; then
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt .venv/requirements.txt
fi

call() {
    echo "== as $1"
    CALLER=$1 PYTHONPATH=. .venv/bin/schemathesis --no-color run "${SCHEMA:-$BASE_URL/openapi.json}" \
        --url "$BASE_URL" --max-examples "${EXAMPLES:-200}" "${@:2}"
}
call admin
# That nobody is refused where a caller is asked for is no news.
call nobody --warnings off
