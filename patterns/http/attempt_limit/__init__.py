"""Attempt limit: count password guesses in the database, exactly, for all processes.

Problem
    A login without a limit lets anyone search for passwords. A counter in memory
    multiplies the limit by the processes; read, compare, write back is a race
    condition.

Guarantee
    - Of racing attempts, exactly `quota` per key pass in any window of
      `window_seconds`.
    - Several limits are counted all or none. A refused attempt counts nowhere, and
      learns after how many seconds to try again.
    - A key is hashed, and holds at most `quota` times. Attempts delete expired rows.

Not guaranteed
    Spellings: see client_address.name_key. Clocks of processes are trusted. Isolation
    levels other than READ COMMITTED: a system check refuses them.

Cost
    Five statements; attempts at one key wait for each other. Too much for every
    request.

Use instead
    rate_limit, if you have Redis. django-axes, to lock accounts. (Checked 2026-11.)

Source: OWASP, Authentication Cheat Sheet; PostgreSQL, INSERT, "ON CONFLICT".

Use
    # settings.py
    INSTALLED_APPS += ["patterns.http.attempt_limit"]

    # your code
    from django.utils import timezone

    from patterns.http.attempt_limit.attempts import Limit, count

    checks = [(Limit("name", 10, 60), "ann"), (Limit("address", 20, 60), "192.0.2.7")]
    seconds_to_wait = count(checks, now=timezone.now())  # 0, or answer 429

    $ python manage.py migrate
    $ python manage.py prune_attempt_limit --older-than 1h
"""
