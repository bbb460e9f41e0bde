"""Idempotency-Key: a POST that is sent twice takes effect once, with one response.

Problem
    A customer clicks twice, or a phone retries a request whose response was lost: two
    orders. "Look first, then insert" is a race condition.

Guarantee
    - One effect and one response per key, also when requests race and when the process
      is killed in between: key, effect and response are one transaction.
    - The replay has status, body, Location, ETag and the other REPLAYED_HEADERS.
    - No key or two: 400. Another body: 422. In progress for `wait_seconds`: 409.
    - Another user, method, path or query is another scope.

Not guaranteed
    Effects outside the database: use an outbox. Responses from 300 on free the key.
    JSON only (415). READ COMMITTED only: a system check refuses others.

Cost
    Four statements and a savepoint per request; a row per key until you prune.

Use instead
    A unique constraint, if the request has a natural key. drf-idempotency, if responses
    may be lost with a cache. DBOS, for workflows. (Checked 2026-11.)

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
