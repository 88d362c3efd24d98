#!/usr/bin/env bash
# Renews the vendored files of both documentation pages from npm, and their versions in README.md.
# Needs npm. Look at both pages afterwards, as tests/with-cloud.sh tests/browser/run.sh does.
set -euo pipefail
cd "$(dirname "$0")"

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT

# ReDoc shows its maker's logo from a foreign address, which the page's Content-Security-Policy refuses. It hides an
# image that can't be loaded, so it gets one.
revised() { LC_ALL=C sed 's#https://cdn\.redoc\.ly/redoc/logo-mini\.svg#data:,#g' "$1"; }

# renew PACKAGE RANGE FOLDER FILE…: takes the files from that folder of the package, and every licence and notice of it.
renew() {
    local package=$1 range=$2 source=$unpacked/$1/package/$3 archive file version
    shift 3
    mkdir "$unpacked/$package"
    archive=$(npm pack --silent --pack-destination "$unpacked" "$package@$range" | tail -n 1)
    tar -xzf "$unpacked/$archive" -C "$unpacked/$package"

    rm -rf "./$package"
    mkdir "$package"
    # Without name and time, so that the same package gives the same bytes.
    for file in "$@"; do revised "$source/$file" | gzip -9 -n >"$package/$file.gz"; done
    for file in "$unpacked/$package"/package/{LICENSE,NOTICE} "$source"/{*.worker,"${1%.js}"}.js.LICENSE.txt; do
        if [ -e "$file" ]; then cp "$file" "$package/"; fi
    done

    version=$(npm pkg get version --prefix "$unpacked/$package/package" | tr -d '"')
    sed -i "s/^| \`$package\` | [^ ]* |/| \`$package\` | $version |/" README.md
    echo "$package $version"
}

renew swagger-ui-dist ^5 . swagger-ui-bundle.js swagger-ui.css favicon-32x32.png
renew redoc ^2 bundles redoc.standalone.js

if zcat redoc/redoc.standalone.js.gz | grep -q 'cdn\.redoc'; then
    echo "ReDoc asks its maker's server for something: extend revised()" >&2
    exit 1
fi
