#!/bin/sh
# Smoke-tests the running stack: sh tests/smoke.sh [PORT_BASE]. Exit code 1 names what did not answer.
set -u
base=${1:-8000}
failed=0
command -v curl >/dev/null || { echo "curl is missing: apt-get install curl" >&2 && exit 2; }
check() { # OFFSET PATH WHAT-THE-ANSWER-HOLDS
    answer=$(curl -sS --noproxy '*' --max-time 10 "http://127.0.0.1:$((base + $1))$2")
    case $answer in
    *"$3"*) echo "ok      $2" ;;
    *)
        echo "FAILED  port $((base + $1)), $2 does not contain: $3"
        failed=1
        ;;
    esac
}
check 0 / 'double-clicked'
check 1 /api/v1/products/ SKU-000001
check 1 /api/docs/ swagger
check 1 /lab/ double_click
check 2 '/graphql/?query=%7B__typename%7D' Query
check 3 /ledger/ orders
check 3 /flow/ 'The ledger'
check 4 /products/SKU-000001/ SKU-000001
check 5 /stock/ SKU-000001
check 6 '/quotes/?postcode=10115&weight_grams=500' price
exit $failed
