# shellcheck shell=sh disable=SC2154  # door.sh sets action
# Sourced by door.sh. `set_up`, called while it holds the lock, gives .venv the packages of constraints.txt.
# Each environment is built in a folder of its own, .venvs/…, and never moved: its scripts hold its path.
# .venv is a link that changes when the new environment is complete. A build that fails changes nothing.
# With only_uv set it stops as soon as there is a uv: `make lock` needs no more, and comes before the pins fit.

# True when FOLDER/bin/python runs and installs into FOLDER: never into the Python that it was made from.
is_environment() {
    "$1/bin/python" -I -c 'import os, sys
sys.exit(sys.prefix == sys.base_prefix or not os.path.samefile(sys.prefix, sys.argv[1]))' "$1" 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14; do
        "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && return
    done
    fail "Python 3.11 or newer is needed; found $(python3 --version 2>&1 || echo 'no python3')." \
        "Install it, or pass its path: make up PYTHON=/path/to/python3.13"
}

check_disk() {
    free_mb=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1000))
    [ "$free_mb" -ge 1000 ] ||
        fail "$free_mb MB are free on the disk of $(pwd); 1000 are needed. Free some space"
}

create_environment() {
    "$python" -I -m venv "$new" >>"$log" 2>&1 && return
    if [ "$(id -u)" = 0 ] && [ "${INSTALL:-1}" = 1 ] && command -v apt-get >/dev/null; then
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >>"$log" 2>&1
        "$python" -I -m venv "$new" >>"$log" 2>&1 || fail "$python -m venv failed: $(tail -1 "$log")"
    else
        fail "$python -m venv failed: $(tail -1 "$log"). On Debian and Ubuntu: apt-get install python3-venv"
    fi
}

install_packages() {
    set -- # the options: -r, file, -r, file, …
    for file in ./*/requirements.txt; do set -- "$@" -r "$file"; done
    "$new/bin/uv" pip install --quiet --compile-bytecode --python "$new/bin/python" "$@" -c constraints.txt \
        >>"$log" 2>&1 ||
        fail "the packages could not be installed: $(grep -v '^$' "$log" | tail -3 | tr '\n' ' ')"
    "$new/bin/python" -I -c 'import importlib.metadata, sys
place = importlib.metadata.distribution("django").locate_file("")
sys.exit(not str(place).startswith(sys.prefix))' 2>>"$log" ||
        fail "the packages were installed outside $new: $(tail -1 "$log")"
    printf '%s' "$wanted" >"$new/made-from"
}

build() {
    find_python
    check_disk
    begun=$(date +%s)
    printf 'packages: '
    # a new path each time: uv remembers what it has once found out about the Python at a path
    new=$(pwd)/.venvs/$(date +%s)-$$
    log=$new/install.log
    trap 'rm -rf "$new"; unlock' EXIT
    mkdir -p "$new"
    create_environment
    is_environment "$new" || fail "$python created no environment in $new"
    # pip brings uv, by its hash; uv then checks every package against the hashes of constraints.txt, which pip does not do
    sed -n '/^uv==/,/[^\\]$/p' constraints.txt >"$new/uv.txt"
    "$new/bin/python" -I -m pip install --quiet --no-deps --disable-pip-version-check --require-hashes \
        -r "$new/uv.txt" >>"$log" 2>&1 || fail "pip could not install uv: $(tail -1 "$log")"
    [ -n "${only_uv:-}" ] || install_packages
    swap
    trap unlock EXIT
    echo "installed with $("$python" --version) ($(($(date +%s) - begun)) s)"
}

# The replaced environment stays until the next time: what runs may still load modules from it.
swap() {
    old=$(readlink .venv) || rm -rf .venv # a folder: made by an older version
    ln -sfn ".venvs/${new##*/}" .venv.new
    "$python" -c 'import os; os.replace(".venv.new", ".venv")'
    for each in .venvs/*; do
        case $each in ".venvs/${new##*/}" | "${old:-}") ;; *) rm -rf "$each" ;; esac
    done
}

set_up() {
    wanted=$(cat constraints.txt ./*/requirements.txt | cksum)
    if is_environment .venv; then
        [ "$(cat .venv/made-from 2>/dev/null)" != "$wanted" ] || return 0
        { [ -z "${only_uv:-}" ] || [ ! -x .venv/bin/uv ]; } || return 0
    fi
    build
}
