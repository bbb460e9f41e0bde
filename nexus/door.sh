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
    if [ -e .env ]; then
        # made by an older version: it gets what has come since
        grep -q '^WEBHOOK_SECRET=' .env || printf 'WEBHOOK_SECRET=%s\n' "$(random_hex)" >>.env
        return
    fi
    (umask 077 && while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        SECRET_KEY= | SERVICE_PASSWORD= | DEMO_PASSWORD= | WEBHOOK_SECRET=) line=$line$(random_hex) ;;
        COMPOSE_PROJECT_NAME=) line=${line}nexus-$(random_hex | cut -c 1-6) ;;
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
        case $name in *[!A-Z_]*) fail ".env line $number: \"$name\" is no name of a variable; write NAME=value, without spaces" ;; esac
        case $value in \"*\" | \'*\') value=${value#?} && value=${value%?} ;; esac
        grep -q "^$name=" .env.example || fail ".env line $number: unknown variable $name. .env.example lists all there are"
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

no_such_demo() { fail "DEMO is \"$DEMO\"; there are: $(printf '%s ' *_demo)"; }

check_env() {
    for name in LAB GRAPHIQL TASK_EVENTS HTTPS DEBUG INSTALL; do
        eval "value=\${$name:-0}"
        case $value in 0 | 1) ;; *) fail "$name is \"$value\"; it must be 0 or 1 (in .env or in the shell)" ;; esac
    done
    PORT_BASE=${PORT_BASE:-8000}
    case $PORT_BASE in *[!0-9]* | 0* | ?????? | '') fail "PORT_BASE is \"$PORT_BASE\"; it must be a number from 1024 to 65400" ;; esac
    { [ "$PORT_BASE" -ge 1024 ] && [ "$PORT_BASE" -le 65400 ]; } || fail "PORT_BASE is $PORT_BASE; it must be from 1024 to 65400"
    case ${RUNTIME:-} in '' | native | docker) ;; *) fail "RUNTIME is \"$RUNTIME\"; it must be native, docker or empty" ;; esac
    for name in SECRET_KEY SERVICE_PASSWORD DEMO_PASSWORD WEBHOOK_SECRET; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || fail "$name is empty. Give it a value in .env, or remove .env: make up makes a new one"
    done
    case $SERVICE_PASSWORD in *[!A-Za-z0-9_-]*) fail "SERVICE_PASSWORD may hold letters, digits, _ and - only: it becomes part of URLs" ;; esac
    for name in SECRET_KEY DEMO_PASSWORD WEBHOOK_SECRET; do
        eval "value=\$$name"
        case $value in *[!!-~]* | *[\"\'\`\\#\;%\$]*) fail "$name may hold letters, digits and signs, but no space, quote, backslash, #, ;, % or \$" ;; esac
    done
    DEMO=${DEMO:-}
    DEMO=${DEMO%/} # the shell's completion adds it
    case $DEMO in
    '' | all) ;;
    portal | root | patterns) [ "$action" = test ] || no_such_demo ;;
    *_demo) [ -f "$DEMO/manage.py" ] || no_such_demo ;;
    *) no_such_demo ;;
    esac
    export DEMO
    export PORT_BASE PORTAL_PORT="$PORT_BASE" REST_DEMO_PORT=$((PORT_BASE + 1)) GRAPHQL_DEMO_PORT=$((PORT_BASE + 2))
    export QUEUE_DEMO_PORT=$((PORT_BASE + 3)) CACHING_DEMO_PORT=$((PORT_BASE + 4)) DATABASE_DEMO_PORT=$((PORT_BASE + 5))
    export ASYNC_DEMO_PORT=$((PORT_BASE + 6)) CARRIERS_PORT=$((PORT_BASE + 61)) PAYMENTS_PORT=$((PORT_BASE + 62))
    export MAIL_PORT=$((PORT_BASE + 63)) SMTP_PORT=$((PORT_BASE + 64)) FLOWER_PORT=$((PORT_BASE + 74))
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
    case $action in up | reset | test | lab | bench | contract | chaos | claims | docs) return ;; esac
    [ -f .run/supervisord.conf ] || return 0
    port=$(sed -n 's/^port=127.0.0.1://p' .run/supervisord.conf)
    PORT_BASE=$((port - 99))
}

# One at a time: two `make up` would each stop what they take for leftovers of the other.
one_at_a_time() {
    command -v flock >/dev/null || return 0
    exec 9>.lock
    flock --nonblock 9 || fail "another make is starting or stopping things here; wait for it"
}

native() {
    [ -n "${upcoming:-}" ] || . nexus/bootstrap.sh
    exec .venv/bin/python -m nexus "$action" "$@"
}

case $action in
lock)
    only_uv=yes
    . nexus/bootstrap.sh
    exec sh nexus/lock.sh
    ;;
changed) exec python3 nexus/changed.py "${BASE:-}" ;;
lint | shape | commits | secrets | audit | planted) native "$@" ;;
upcoming)
    # the next Django over the pins; .venv is made anew by the next make, as it no longer is what the pins say
    . nexus/bootstrap.sh
    rm .venv/made-from
    .venv/bin/uv pip install --quiet --python .venv/bin/python --upgrade --prerelease allow django
    version=$(.venv/bin/python -m django --version)
    ! grep -q "^django==$version " constraints.txt || fail "Django $version is the pinned one: the next needs a newer Python than $(.venv/bin/python --version)"
    echo "testing with Django $version"
    action=test upcoming=yes
    ;;
esac
[ "$action" = doctor ] || create_env
[ -e .env ] && load_env
case $action in up | down | reset) one_at_a_time ;; esac
find_running
{ [ "$action" = doctor ] && [ ! -e .env ]; } || check_env
[ "$action" != smoke ] || exec sh tests/smoke.sh "$PORT_BASE"
pick_runtime
export RUNTIME
[ "$action $RUNTIME" != 'images native' ] || fail "images are built by Docker, and no engine answers here"
case $RUNTIME in
native) native "$@" ;;
docker) . nexus/docker.sh ;;
esac
