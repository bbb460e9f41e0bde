#!/bin/sh
# The door behind the Makefile: reads .env, picks the runtime, and hands over. Needs no Python where Docker runs.
set -eu
cd "$(dirname "$0")/.."
action=$1
shift

fail() {
    printf 'nexus: %s\n' "$*" >&2
    exit 2
}

random_hex() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

create_env() {
    [ -e .env ] && return
    (umask 077 && while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        SECRET_KEY= | SERVICE_PASSWORD= | DEMO_PASSWORD=) line=$line$(random_hex) ;;
        esac
        printf '%s\n' "$line"
    done <.env.example >.env.draft) 2>/dev/null || fail "cannot write in $(pwd): is the disk full or read-only?"
    mv .env.draft .env
    echo "made .env with random secrets"
}

# Exports what .env says and the shell does not. OVERRIDDEN names the variables where the shell beats .env.
load_env() {
    number=0
    OVERRIDDEN=
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in '' | '#'*) continue ;; esac
        name=${line%%=*}
        value=${line#*=}
        case $line in
        [A-Z]*=*) ;;
        *) fail ".env line $number is not NAME=value: $line" ;;
        esac
        grep -q "^$name=" .env.example || fail ".env line $number: unknown variable $name. .env.example lists all there are"
        eval "set_already=\${$name+yes}; present=\${$name-}"
        if [ -z "$set_already" ]; then
            eval "$name=\$value; export $name"
        elif [ -n "$value" ] && [ "$present" != "$value" ]; then
            OVERRIDDEN="$OVERRIDDEN $name"
        fi
    done <.env
    export OVERRIDDEN
}

check_env() {
    for name in LAB GRAPHIQL HTTPS DEBUG INSTALL; do
        eval "value=\${$name:-0}"
        case $value in 0 | 1) ;; *) fail "$name is \"$value\"; it must be 0 or 1 (in .env or in the shell)" ;; esac
    done
    PORT_BASE=${PORT_BASE:-8000}
    case $PORT_BASE in *[!0-9]* | ?????? | '') fail "PORT_BASE is \"$PORT_BASE\"; it must be a number from 1024 to 65400" ;; esac
    { [ "$PORT_BASE" -ge 1024 ] && [ "$PORT_BASE" -le 65400 ]; } || fail "PORT_BASE is $PORT_BASE; it must be from 1024 to 65400"
    case ${RUNTIME:-} in '' | native | docker) ;; *) fail "RUNTIME is \"$RUNTIME\"; it must be native, docker or empty" ;; esac
    for name in SECRET_KEY SERVICE_PASSWORD DEMO_PASSWORD; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || fail "$name is empty. Give it a value in .env, or remove .env: make up makes a new one"
    done
    case $SERVICE_PASSWORD in *[!A-Za-z0-9_-]*) fail "SERVICE_PASSWORD may hold letters, digits, _ and - only: it becomes part of URLs" ;; esac
    case ${DEMO:-} in
    '' | all) ;;
    *) [ -f "$DEMO/manage.py" ] || fail "DEMO is \"$DEMO\"; there are: $(ls -d *_demo | tr '\n' ' ')" ;;
    esac
    export PORT_BASE PORTAL_PORT=$PORT_BASE REST_DEMO_PORT=$((PORT_BASE + 1)) GRAPHQL_DEMO_PORT=$((PORT_BASE + 2))
    export QUEUE_DEMO_PORT=$((PORT_BASE + 3)) CACHING_DEMO_PORT=$((PORT_BASE + 4)) DATABASE_DEMO_PORT=$((PORT_BASE + 5))
    export ASYNC_DEMO_PORT=$((PORT_BASE + 6)) CARRIERS_PORT=$((PORT_BASE + 61)) RABBITMQ_MANAGEMENT_PORT=$((PORT_BASE + 73))
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

native() {
    . nexus/bootstrap.sh
    exec .venv/bin/python -m nexus "$action" "$@"
}

case $action in
lock | lint) native "$@" ;;
esac
[ "$action" = doctor ] || create_env
[ -e .env ] && load_env
{ [ "$action" = doctor ] && [ ! -e .env ]; } || check_env
pick_runtime
export RUNTIME
case $RUNTIME in
native) native "$@" ;;
docker) . nexus/docker.sh ;;
esac
