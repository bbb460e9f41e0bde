"""Idempotency-Key: a POST sent twice takes effect once, with one response.

Problem
    A customer clicks twice, or a phone retries: two orders. "Look first, then insert"
    is a race condition.

Guarantee
    - One effect and one response per key, also when requests race or the process dies.
    - The replay has the same status, body and REPLAYED_HEADERS.
    - No key or two: 400. Another body: 422. In progress for `wait_seconds`: 409.
    - Keys are separate per user, method, path and query.
    - Authenticated users only: visitors would get each other's responses. They get 401
      or 403.

Not guaranteed
    Effects outside the database: use an outbox. Errors and redirects free the key. JSON
    and READ COMMITTED only (a system check).

Cost
    Four statements, a savepoint and a row per request.

Use instead
    A unique constraint, if the request has a natural key. (Checked 2026-11.)

Source: draft-ietf-httpapi-idempotency-key-header-07.

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
