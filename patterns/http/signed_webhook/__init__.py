"""Signed webhooks: a call that claims "it has been paid" is believed when its sender can prove it, and counts once.

Problem         The address that a payment provider calls is open to everybody. Who finds it marks any order as paid; who
                records one true call sends it again.
Guarantee       A call is let through when one of its signatures is an HMAC-SHA256, by one of your secrets, over id, time and
                raw body, before anything of the body is parsed; the comparison takes the same time however much matches. A
                time further from your clock than `tolerance_seconds`, either way, is refused, also when it is well signed; so is
                a body longer than `max_bytes`, before it is read (413). Without a secret nothing is let through. Several
                secrets may be valid at once, on both sides: that is how one is exchanged. `process_once` runs an effect
                once for each sender and event id, also when calls race; id, effect and outcome are one transaction,
                so an effect that fails leaves the id free for the sender's next try.
Not guaranteed  That what the sender says is right: compare amount and currency with what you expect, that is your domain. Order:
                events may overtake each other. Secrecy: the body travels as it is, so use TLS. Effects outside the
                database (an email) are not undone by a rollback: put them in an outbox.
Cost            An HMAC for each pair of secret and signature, microseconds. For the event: one SELECT, a savepoint around one INSERT,
                one UPDATE, and a row that stays until you delete it: not before the sender has stopped repeating its event.
Use instead     The `standardwebhooks` package for signing and verifying alone: it speaks the same headers, and remembers no id. Your
                provider's own SDK, when it signs in a way of its own (Stripe, GitHub). Asymmetric signatures (`v1a` in the same
                specification), when one sender has many receivers.

The headers are webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature, one or more "v1,<base64>", divided by spaces.
A secret is "whsec_" and base64, or any other text, of 24 bytes or more.

Sources: Standard Webhooks 1.0.0, "Signature scheme", "Webhook headers", "Verifying signatures"; RFC 2104.
"""
