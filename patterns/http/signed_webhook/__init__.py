"""Signed webhooks: accept a call only from its sender, and let each event count once.

Problem
    Everybody can call the address that a payment provider calls. A forged call marks
    any order as paid; a recorded true one can be sent again.

Guarantee
    - A call passes only with an HMAC-SHA256 by one of your secrets over id, time and
      raw body, compared in constant time, before the body is parsed (else 401).
    - A time beyond `tolerance_seconds` is refused; so is a body beyond `max_bytes`.
    - `process_once` runs an effect once per sender and event id, also when calls race.
      A failed effect frees the id.

Not guaranteed
    That the sender is right: compare amount and currency. The order of events. Effects
    outside the database. READ COMMITTED only: a system check refuses others.

Cost
    An HMAC; three statements and a savepoint per event; a row until you prune.

Use instead
    The `standardwebhooks` package, for signatures alone. Your provider's SDK, if it has
    its own format (Stripe, GitHub). (Checked 2026-11.)

Source: Standard Webhooks 1.0.0; RFC 2104.

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
