#!/bin/sh
# What an image may not become: root's, and a gigabyte. sh tests/images.sh [MEGABYTES]. Exit code 1 names the image.
set -eu
budget=${1:-350} # 125 of python:3.13-slim, up to 180 of packages and their bytecode, and room to grow
failed=0
images=$(docker image ls --filter 'reference=nexus/*:local' --format '{{.Repository}}' | grep -v workbench) || true
[ -n "$images" ] || { echo "there is no image nexus/*:local yet: make images" && exit 1; }
for image in $images; do
    facts=$(docker image inspect --format '{{.Size}} {{.Config.User}}' "$image:local")
    megabytes=$((${facts% *} / 1000000))
    user=${facts#* }
    verdict=ok
    [ "$megabytes" -le "$budget" ] || verdict=FAILED
    case $user in '' | 0 | 0:* | root | root:*) verdict=FAILED ;; esac
    [ $verdict = ok ] || failed=1
    echo "$verdict $image: $megabytes MB of $budget, user ${user:-root}"
done
exit $failed
