#!/usr/bin/env bash
# Generates a TypeScript client from openapi.json, compiles it strictly, and makes the README's session with it.
# BASE_URL names the API; http://127.0.0.1:8000 if it is not set. Needs Node 20 or newer.
set -euo pipefail
cd "$(dirname "$0")"

npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npm run --silent generate
npm run --silent compile
npm run --silent session
