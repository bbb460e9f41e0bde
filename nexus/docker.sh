# shellcheck shell=sh disable=SC2154  # door.sh sets action
# Sourced by door.sh: the runtime with Docker Compose. No Python on the host is needed.

export COMPOSE_PROFILES="${DEMO:-all}"

everything=all,queue_demo # the profiles that together hold every service

table() {
    # first the list, then the container that renders it: it would list itself, as "starting"
    listed=$(COMPOSE_PROFILES=$everything docker compose ps --all --format json)
    printf '%s\n' "$listed" | docker compose run --rm --no-TTY --no-deps portal python -m nexus.table
}

services() { COMPOSE_PROFILES=$everything docker compose ps "$@" --services; }

running_demos() {
    COMPOSE_PROFILES=$everything docker compose ps --format '{{.Label "nexus.demo"}}' | grep '_demo$' | sort -u
}

stop_half_started() {
    docker compose ps --all --format '{{.Service}} {{.State}} {{.ExitCode}} {{.Health}}' | while read -r service state code health; do
        case "$state $code $health" in
        'exited 0 '* | *' healthy' | created*) ;;
        *)
            printf '\n%s is %s; its last lines:\n' "$service" "$state $health" >&2
            docker compose logs --no-log-prefix --tail 8 "$service" >&2
            ;;
        esac
    done
    if docker compose logs 2>&1 | grep -q 'password authentication failed'; then
        hint="The data belongs to another SERVICE_PASSWORD: restore it in .env, or delete the data: make reset"
    else
        hint="If a port is in use: make up PORT_BASE=9000. If memory is short: make doctor"
    fi
    if [ -z "$before" ]; then
        COMPOSE_PROFILES=$everything docker compose down --remove-orphans >/dev/null 2>&1
    else
        stop_all_but "$before" >/dev/null 2>&1
    fi
}

# Stops what runs or has run, except the services of a list, one a line. Prints their names.
stop_all_but() {
    gone=$(services --all | grep -vxF "$1") || gone=
    printf 'stopping %s\n' "$(printf '%s' "$gone" | tr '\n' ' ')"
    # shellcheck disable=SC2086  # one word a service is meant
    [ -z "$gone" ] || COMPOSE_PROFILES=$everything docker compose rm --stop --force $gone
}

down() {
    running=$(running_demos)
    left=$(printf '%s\n' "$running" | grep -vx "${DEMO:-.*}" | paste -sd, -)
    if [ -n "$DEMO" ] && ! printf '%s\n' "$running" | grep -qx "$DEMO"; then
        echo "$DEMO is not running; running: $(printf '%s' "${running:-nothing}" | tr '\n' ' ')"
    elif [ -n "$left" ]; then
        stop_all_but "$(COMPOSE_PROFILES=$left docker compose config --services)"
        echo "stopped $DEMO; the data is kept. Still running: $left"
    else
        COMPOSE_PROFILES=$everything docker compose down --remove-orphans
    fi
}

up() {
    begun=$(date +%s)
    before=$(services)
    trap 'stop_half_started; exit 130' INT TERM HUP
    docker compose up --build --detach --wait --remove-orphans || {
        stop_half_started
        fail "not everything started; what had started is stopped again. $hint"
    }
    trap 'exit 130' INT TERM HUP
    echo "started with Docker ($(($(date +%s) - begun)) s)"
    table
}

# The workbench's container has the native set-up, and starts servers of its own: it can run beside `make up`.
# When make is interrupted, Compose leaves the container running: it is removed here, or by the next run.
in_workbench() {
    prefix=${COMPOSE_PROJECT_NAME:-nexus}-workbench-
    for each in $(docker ps --all --filter "name=^$prefix" --format '{{.Names}}'); do
        kill -0 "${each#"$prefix"}" 2>/dev/null || docker rm --force "$each" >/dev/null
    done
    trap 'docker rm --force "$prefix$$" >/dev/null 2>&1' EXIT
    docker compose --profile workbench run --rm --build --no-TTY --name "$prefix$$" \
        workbench python -m nexus "$action"
}

# Signs in the image of a demo that runs, or in rest_demo's. Only the token goes to standard output.
token() {
    service=$(services | grep -xE 'rest|graphql|queue|caching|database|async' | head -1)
    service=${service:-rest}
    export COMPOSE_PROFILES=$everything
    docker image inspect "nexus/${service}_demo:local" >/dev/null 2>&1 || docker compose build "$service-setup" >&2
    docker compose run --rm --no-TTY --no-deps --env TOKEN_SIGNING_KEY --env TOKEN_PUBLIC_KEYS \
        "$service-setup" python -m nexus.demo_token "$@"
}

doctor() {
    memory=$(docker info --format '{{.MemTotal}}')
    echo "docker    $(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short)"
    [ "$memory" -ge 2000000000 ] || echo "memory    the engine has $((memory / 1000000)) MB; all services need 2000: make up DEMO=rest_demo starts one"
    for name in ${OVERRIDDEN:-}; do echo "override  $name in your shell overrides .env: unset $name, or remove it from .env"; done
    docker compose config --quiet && echo "compose   docker-compose.yml is valid"
}

# With IMAGE_CACHE=folder every layer is kept there, those of the earlier stages too (mode=max): CI brings the folder back.
images() {
    for demo in *_demo portal; do
        set -- --target demo --build-arg DEMO="$demo" --tag "nexus/$demo:local" --load
        if [ -n "${IMAGE_CACHE:-}" ]; then
            set -- "$@" --cache-to "type=local,dest=$IMAGE_CACHE.new/$demo,mode=max"
            [ ! -d "$IMAGE_CACHE/$demo" ] || set -- "$@" --cache-from "type=local,src=$IMAGE_CACHE/$demo"
        fi
        docker buildx build "$@" .
    done
    # a folder that is only added to grows for ever, and is slower to bring back than the images are to build
    [ -z "${IMAGE_CACHE:-}" ] || { rm -rf "$IMAGE_CACHE" && mv "$IMAGE_CACHE.new" "$IMAGE_CACHE"; }
    sh tests/images.sh
}

case $action in
up) up ;;
images)
    unlock
    images
    ;;
down) down ;;
reset)
    COMPOSE_PROFILES=$everything docker compose down --volumes --remove-orphans
    up
    ;;
status) table ;;
logs) docker compose logs --follow --tail 100 ;;
test | nightly | lab | bench | claims | contract | chaos)
    unlock
    in_workbench
    ;;
token)
    unlock
    token "$@"
    ;;
doctor) doctor ;;
*) native "$@" ;;
esac
