#!/bin/sh
# Pins every version once, for all demos and platforms, with hashes and without download addresses.
set -eu
cd "$(dirname "$0")/.."
{
    echo "# Made by \`make lock\` from every requirements.txt: versions and hashes for Python 3.11 and newer. Edit those instead."
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --no-header --no-emit-index-url --no-emit-find-links ./*/requirements.txt
} >constraints.draft || {
    rm -f constraints.draft
    echo "nexus: nothing was changed: uv found no versions that fit together" >&2
    exit 1
}
mv constraints.draft constraints.txt
