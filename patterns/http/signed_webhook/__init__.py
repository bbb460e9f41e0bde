"""Signed webhooks: accept calls only from their sender, and each event once.

Problem
    Anyone can call a webhook's URL. A forged call marks any order as paid.

Guarantee
    - A call needs an HMAC-SHA256 by one of your secrets over id, time and raw body. It
      is checked in constant time, before parsing.
    - A time beyond `tolerance_seconds` or a body beyond `max_bytes` is refused.
    - `process_once` runs an effect once per event, also when calls race. A failed
      effect frees the id.

Not guaranteed
    That the sender is right: compare the amount. The order of events. Effects outside
    the database. READ COMMITTED only (a system check).

Cost
    Three statements, a savepoint and a row per event.

Use instead
    The `standardwebhooks` package, for signatures. (Checked 2026-11.)

Source: Standard Webhooks 1.0.0.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.http.signed_webhook"]

    # your code
    from patterns.http.signed_webhook.models import ReceivedEvent
    from patterns.http.signed_webhook.receiving import verified_event_id

    LIMITS = {"tolerance_seconds": 300, "max_bytes": 20_480}


    def post(self, request):  # of a DRF view without authentication
        secrets, events = ["24 bytes or more"], ReceivedEvent.objects
        id = verified_event_id(request, now=time.time(), secrets=secrets, **LIMITS)
        events.process_once(source="pay", event_id=id, effect=lambda: "paid")

    $ python manage.py migrate
    $ python manage.py prune_signed_webhook --older-than 30d
"""
