"""Idempotency-Key: a POST that is sent twice takes effect once and gets the same response.

Problem
    A customer clicks twice, or a phone retries a request whose response was lost: two
    orders. "Look first, then insert" is a race condition.

Guarantee
    - One effect and one response per key, also when requests race, and when the process
      is killed in between: key, effect and response are one transaction.
    - The replay has status, body, Location, ETag and the other REPLAYED_HEADERS.
    - 400 without a key or with two; `k` and `"k"` are one key. 422 for another body.
      Another user, method, path or query string is another scope.
    - 409 after `wait_seconds` (0: at once); your lock_timeout is restored.

Not guaranteed
    Effects outside the database: use an outbox. Responses from 300 on free the key.
    JSON bodies only (415). PostgreSQL in READ COMMITTED: a system check refuses others.

Cost
    Four statements and a savepoint per request; a row per key until you prune.

Use instead
    A unique constraint, if the request has a natural key. drf-idempotency, if responses
    may be lost with a cache. DBOS for workflows. (Checked 2026-11.)

Source: IETF draft-ietf-httpapi-idempotency-key-header-07, sections 2.1 to 2.7.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.http.idempotency"]

    # your code
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from patterns.http.idempotency.decorator import idempotent


    class OrderList(APIView):
        @idempotent(wait_seconds=5)
        def post(self, request):
            return Response({"order": 1}, status=201)

    $ python manage.py migrate
    $ python manage.py prune_idempotency --older-than 24h
"""
