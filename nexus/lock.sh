#!/bin/sh
# Pins every version once, for all demos and platforms, with hashes and without download addresses.
# A version that is pinned and still fits stays, unless UPGRADE=1 asks for the newest.
set -eu
cd "$(dirname "$0")/.."
draft=constraints.draft
trap 'rm -f "$draft" "$draft.new"' EXIT
cp constraints.txt "$draft" # uv prefers the versions of the file that it writes
.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes ${UPGRADE:+--upgrade} \
    --no-header --no-emit-index-url --no-emit-find-links --output-file "$draft" ./*/requirements.txt >/dev/null || {
    echo "nexus: nothing was changed: uv found no compatible versions" >&2
    exit 1
}
{
    echo "# Made by \`make lock\` from every requirements.txt: versions and hashes for Python 3.11 and newer. Edit those instead."
    cat "$draft"
} >"$draft.new"
mv "$draft.new" constraints.txt
