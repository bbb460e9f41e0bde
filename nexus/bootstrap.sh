# shellcheck shell=sh
# Sourced by door.sh: makes .venv from constraints.txt, where it is missing or older than what it is made from.

# With only_uv set it stops as soon as there is a uv: `make lock` needs no more, and comes before the pins fit.

stamp=.venv/made-from
wanted=$(cat constraints.txt ./*/requirements.txt | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
[ -n "${only_uv:-}" ] && [ -x .venv/bin/uv ] && return

python=
for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14; do
    "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed, and $(python3 --version 2>&1 || echo 'no python3') is here. Install one, or name it: make up PYTHON=/path/to/python3.13"

free_mb=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1000))
[ "$free_mb" -ge 1000 ] || fail "$free_mb MB are free on the disk of $(pwd); 1000 are wanted. Free some space"

begun=$(date +%s)
printf 'packages: '
trap 'exit 130' INT TERM
trap 'rm -rf .venv .venv.log' EXIT # half an environment would be taken for a whole one
if ! "$python" -m venv --clear .venv >.venv.log 2>&1; then
    if [ "$(id -u)" = 0 ] && [ "${INSTALL:-1}" = 1 ] && command -v apt-get >/dev/null; then
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >>.venv.log 2>&1
        "$python" -m venv --clear .venv >>.venv.log 2>&1 || fail "$python -m venv failed: $(tail -1 .venv.log)"
    else
        fail "$python -m venv failed: $(tail -1 .venv.log). On Debian and Ubuntu: apt-get install python3-venv"
    fi
fi
# pip brings uv, by its hash; uv then checks every package against the hashes of constraints.txt, which pip does not do
sed -n '/^uv==/,/[^\\]$/p' constraints.txt >.venv/uv.txt
.venv/bin/pip install --quiet --no-deps --disable-pip-version-check --require-hashes -r .venv/uv.txt >>.venv.log 2>&1 ||
    fail "pip could not install uv: $(tail -1 .venv.log)"
if [ -n "${only_uv:-}" ]; then
    trap - EXIT
    return
fi
requirements=$(for file in ./*/requirements.txt; do printf ' -r %s' "$file"; done)
# shellcheck disable=SC2086  # one word an argument is meant
.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python $requirements -c constraints.txt >>.venv.log 2>&1 ||
    fail "the packages could not be installed: $(grep -v '^$' .venv.log | tail -3 | tr '\n' ' ')"
mv .venv.log .venv/install.log
printf '%s' "$wanted" >"$stamp"
trap - EXIT INT TERM
echo "installed with $($python --version) ($(($(date +%s) - begun)) s)"
