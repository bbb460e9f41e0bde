#!/bin/sh
# The door behind the Makefile: reads .env, picks the runtime, and hands over. Needs no Python where Docker runs.
set -eu
cd "$(dirname "$0")/.."
action=$1
shift
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'nexus: %s\n' "$*" >&2
    exit 2
}

random_hex() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Removes the variables of the shell that would change what our servers, their probes, Python or the set-up do.
# Those that say where packages come from stay.
clean_environment() {
    for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        case $name in
        REDIS_URL | RABBITMQ_URL | RABBITMQ_MANAGEMENT_PORT | PYTHON | PYTHONDONTWRITEBYTECODE) ;;
        PIP_CONFIG_FILE | UV_OFFLINE | UV_LINK_MODE) ;;
        PIP_*INDEX* | PIP_*CERT | PIP_*HOST | PIP_*PROXY | PIP_FIND_LINKS | PIP_*TIMEOUT | PIP_*CACHE*) ;;
        UV_*INDEX* | UV_*CERT* | UV_*HOST | UV_*TLS | UV_FIND_LINKS | UV_*TIMEOUT | UV_*CACHE* | UV_KEYRING*) ;;
        PG* | REDIS* | RABBITMQ_* | ERL_* | PYTHON* | DJANGO_* | PIP_* | UV_* | VIRTUAL_ENV) unset "$name" ;;
        esac
    done
    # what listens on this machine is never asked through a proxy
    NO_PROXY=127.0.0.1,localhost,::1,${NO_PROXY:-${no_proxy:-}}
    no_proxy=$NO_PROXY
    export NO_PROXY no_proxy
}

# One make at a time sets things up, starts or stops. The lock is a link to its holder's pid: made in one step, and
# recognised as stale without flock. The tool releases it as soon as the set-up is complete (packages.release_lock).
lock() {
    waits=
    until ln -s "$$" .make.lock 2>/dev/null; do
        if ! holder=$(readlink .make.lock); then
            [ -w . ] || fail "cannot write in $(pwd): is the disk full or read-only?"
        elif ! is_make "$holder"; then
            # only one of several that wait may remove it: a link made since then is not the stale one
            mkdir .make.lock.stale 2>/dev/null || { sleep 0.2 && continue; }
            [ "$(readlink .make.lock)" != "$holder" ] || rm .make.lock
            rmdir .make.lock.stale
        else
            [ -n "$waits" ] || echo "waiting for another make (process $holder) ..." >&2
            waits=yes
            sleep 0.2
        fi
    done
    trap unlock EXIT
}

unlock() { [ "$(readlink .make.lock)" != "$$" ] || rm .make.lock; }

is_make() {
    [ ! -r "/proc/$1/cmdline" ] || grep -q nexus "/proc/$1/cmdline" || return 1 # the pid is another program's now
    kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]
}

# Neither Docker nor a native start needs openssl otherwise: without it, the Python image has one.
run_openssl() {
    if command -v openssl >/dev/null; then
        openssl "$@"
    else
        docker run --rm --interactive python:3.13-slim openssl "$@"
    fi
}

# The P-256 key pair of the access tokens: rest_demo signs with one, all services verify with the other.
# Each is one line, the body of a PEM file in base64url: nothing in it has a meaning for sh or compose.
create_token_keys() {
    if ! command -v openssl >/dev/null && ! docker info >/dev/null 2>&1; then
        [ "${INSTALL:-1}" != 1 ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || {
            apt-get update -qq && apt-get install -y -qq --no-install-recommends openssl
        } >/dev/null 2>&1 || fail "apt-get could not install openssl, which makes the keys of the access tokens"
        command -v openssl >/dev/null || fail "openssl is needed once, for the keys of the access tokens. On Debian and Ubuntu: apt-get install openssl"
    fi
    pem=$(run_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve) ||
        fail "openssl could not create a key for the access tokens"
    public_pem=$(printf '%s\n' "$pem" | run_openssl pkey -pubout) || fail "openssl could not create a public key for the access tokens"
    signing_key=$(printf '%s\n' "$pem" | one_line)
    public_keys=$(printf '%s\n' "$public_pem" | one_line)
}

one_line() { sed '/-----/d' | tr -d '\r\n=' | tr '+/' '-_'; }

create_env() {
    if [ -e .env ]; then
        add_to_env
        return
    fi
    create_token_keys
    (umask 077 && while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        SECRET_KEY= | SERVICE_PASSWORD= | DEMO_PASSWORD= | WEBHOOK_SECRET=) line=$line$(random_hex) ;;
        TOKEN_SIGNING_KEY=) line=$line$signing_key ;;
        TOKEN_PUBLIC_KEYS=) line=$line$public_keys ;;
        COMPOSE_PROJECT_NAME=) line=${line}nexus-$(random_hex | cut -c 1-6) ;;
        esac
        printf '%s\n' "$line"
    done <.env.example >.env.draft) 2>/dev/null || fail "cannot write in $(pwd): is the disk full or read-only?"
    mv .env.draft .env
    echo "created .env with random secrets" >&2
}

# A .env of an older version gets the secrets that have come since.
add_to_env() {
    added=
    grep -q '^WEBHOOK_SECRET=' .env || added="WEBHOOK_SECRET=$(random_hex)"
    grep -q '^TOKEN_[A-Z]*_KEYS*=' .env || {
        create_token_keys
        added="$added
TOKEN_SIGNING_KEY=$signing_key
TOKEN_PUBLIC_KEYS=$public_keys"
    }
    [ -n "$added" ] || return 0
    [ -z "$(tail -c 1 .env)" ] || echo >>.env # its last line has no end
    printf '%s\n' "$added" >>.env
}

# Exports what .env says and the shell does not. OVERRIDDEN names the variables where the shell beats .env.
load_env() {
    number=0
    OVERRIDDEN=
    return_character=$(printf '\r')
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%"$return_character"} # an editor of Windows leaves one
        case $line in '' | '#'*) continue ;; esac
        name=${line%%=*}
        value=${line#*=}
        case $line in
        [A-Z]*=*) ;;
        *) fail ".env line $number is not NAME=value: $line" ;;
        esac
        case $name in *[!A-Z_]*) fail ".env line $number: \"$name\" is not a valid variable name; write NAME=value, without spaces" ;; esac
        case $value in \"*\" | \'*\') value=${value#?} && value=${value%?} ;; esac
        grep -q "^$name=" .env.example || fail ".env line $number: unknown variable $name. .env.example lists all variables"
        present=
        eval "set_already=\${$name+yes}; present=\${$name-}"
        if [ -z "$set_already" ]; then
            eval "$name=\$value; export $name"
        elif [ -n "$value" ] && [ "$present" != "$value" ]; then
            OVERRIDDEN="$OVERRIDDEN $name"
        fi
    done <.env
    export OVERRIDDEN
}

no_such_demo() { fail "DEMO is \"$DEMO\"; the demos are: $(printf '%s ' *_demo)"; }

check_env() {
    for name in LAB GRAPHIQL TASK_EVENTS HTTPS DEBUG INSTALL; do
        eval "value=\${$name:-0}"
        case $value in 0 | 1) ;; *) fail "$name is \"$value\"; it must be 0 or 1 (in .env or in the shell)" ;; esac
    done
    PORT_BASE=${PORT_BASE:-8000}
    case $PORT_BASE in *[!0-9]* | 0* | ?????? | '') fail "PORT_BASE is \"$PORT_BASE\"; it must be a number from 1024 to 65400" ;; esac
    { [ "$PORT_BASE" -ge 1024 ] && [ "$PORT_BASE" -le 65400 ]; } || fail "PORT_BASE is $PORT_BASE; it must be from 1024 to 65400"
    case ${RUNTIME:-} in '' | native | docker) ;; *) fail "RUNTIME is \"$RUNTIME\"; it must be native, docker or empty" ;; esac
    for name in SECRET_KEY SERVICE_PASSWORD DEMO_PASSWORD WEBHOOK_SECRET TOKEN_SIGNING_KEY TOKEN_PUBLIC_KEYS; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || fail "$name is empty. Give it a value in .env, or remove .env: make up creates a new one"
    done
    case $SERVICE_PASSWORD in *[!A-Za-z0-9_-]*) fail "SERVICE_PASSWORD may contain only letters, digits, _ and -: it becomes part of URLs" ;; esac
    for name in SECRET_KEY DEMO_PASSWORD WEBHOOK_SECRET; do
        eval "value=\$$name"
        case $value in *[!!-~]* | *[\"\'\`\\#\;%\$]*) fail "$name may contain letters, digits and signs, but no space, quote, backslash, #, ;, % or \$" ;; esac
    done
    for name in TOKEN_SIGNING_KEY TOKEN_PUBLIC_KEYS; do
        eval "value=\$$name"
        case $value in *[!A-Za-z0-9_,-]*) fail "$name may contain only letters, digits, - and _; several public keys are joined by commas" ;; esac
    done
    DEMO=${DEMO:-}
    DEMO=${DEMO%/} # the shell's completion adds it
    [ "$DEMO" != all ] || DEMO=
    case $DEMO in
    '') ;;
    portal | root | patterns) case $action in test | nightly) ;; *) no_such_demo ;; esac ;;
    *_demo) [ -f "$DEMO/manage.py" ] || no_such_demo ;;
    *) no_such_demo ;;
    esac
    export DEMO
    export PORT_BASE PORTAL_PORT="$PORT_BASE" REST_DEMO_PORT=$((PORT_BASE + 1)) GRAPHQL_DEMO_PORT=$((PORT_BASE + 2))
    export QUEUE_DEMO_PORT=$((PORT_BASE + 3)) CACHING_DEMO_PORT=$((PORT_BASE + 4)) DATABASE_DEMO_PORT=$((PORT_BASE + 5))
    export ASYNC_DEMO_PORT=$((PORT_BASE + 6)) CARRIERS_PORT=$((PORT_BASE + 61)) PAYMENTS_PORT=$((PORT_BASE + 62))
    export MAIL_PORT=$((PORT_BASE + 63)) SMTP_PORT=$((PORT_BASE + 64)) FLOWER_PORT=$((PORT_BASE + 65))
    export RABBITMQ_MANAGEMENT_PORT=$((PORT_BASE + 73))
}

pick_runtime() {
    [ -n "${RUNTIME:-}" ] && return
    RUNTIME=native
    # what was started natively is stopped natively, also when a Docker engine has come since
    [ -e .run/supervisord.conf ] && return
    if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
        RUNTIME=docker
    fi
}

# What runs was started with a PORT_BASE, and is found there whatever the shell says now.
find_running() {
    case $action in up | reset | test | nightly | lab | bench | contract | chaos | claims | docs) return ;; esac
    [ -f .run/supervisord.conf ] || return 0
    port=$(sed -n 's/^port=127.0.0.1://p' .run/supervisord.conf)
    PORT_BASE=$((port - 99))
}

native() {
    if [ -z "$installs" ]; then
        [ -x .venv/bin/python ] || without_packages
    elif [ "$action" = token ]; then
        set_up >&2 # the token alone goes to standard output
    elif [ -z "${upcoming:-}" ]; then
        set_up
    fi
    exec .venv/bin/python -m nexus "$action" "$@"
}

# `down`, `status` and `logs` find what was started, `doctor` what is here: none of them installs anything.
without_packages() {
    [ ! -e .run/supervisord.conf ] || fail ".venv is broken: make up builds a new one, and then make $action works"
    [ "$action" = doctor ] || nothing_started
    find_python
    echo "python    $("$python" --version)"
    [ -e .env ] || echo "env       there is no .env yet; make up creates it"
    echo "packages  not installed yet; make up installs them"
    check_disk
    exit 0
}

nothing_started() {
    echo "nothing was started in this checkout; make up starts everything"
    exit 0
}

. nexus/bootstrap.sh
clean_environment
installs=yes
case $action in down | status | logs | doctor) installs= ;; esac
case $action in status | logs | doctor | changed) ;; *) lock ;; esac

case $action in
lock)
    only_uv=yes
    set_up
    exec sh nexus/lock.sh
    ;;
changed) exec python3 nexus/changed.py "${BASE:-}" ;;
lint | shape | commits | secrets | audit | planted) native "$@" ;;
upcoming)
    # the next Django over the pins; .venv is made anew by the next make, as it no longer is what the pins say
    set_up
    rm .venv/made-from
    is_environment .venv
    .venv/bin/uv pip install --quiet --python "$(cd .venv && pwd -P)/bin/python" --upgrade --prerelease allow django
    version=$(.venv/bin/python -m django --version)
    ! grep -q "^django==$version " constraints.txt || fail "Django $version is the pinned version: the next one needs a newer Python than $(.venv/bin/python --version)"
    echo "testing with Django $version"
    action=test upcoming=yes
    ;;
esac
case $action in
doctor) ;;
down | status | logs) [ -e .env ] || [ -e .run/supervisord.conf ] || nothing_started ;;
esac
[ "$action" = doctor ] || create_env
[ -e .env ] && load_env
find_running
{ [ "$action" = doctor ] && [ ! -e .env ]; } || check_env
[ "$action" != smoke ] || { unlock && exec sh tests/smoke.sh "$PORT_BASE"; }
pick_runtime
export RUNTIME
[ "$action $RUNTIME" != 'images native' ] || fail "make images needs Docker, and no Docker engine answers"
case $RUNTIME in
native) native "$@" ;;
docker) . nexus/docker.sh ;;
esac
