"""Attempt limit: count password guesses in the database, exactly, for all processes.

Problem
    Without a limit, anyone can search for passwords. A counter in memory multiplies the
    limit by the processes. Read, compare, write back is a race condition.

Guarantee
    - Of racing attempts, exactly `quota` per key pass in any window of
      `window_seconds`.
    - Several limits are counted all or none.
    - A refused attempt counts nowhere, and learns when to try again.
    - Keys are hashed, hold at most `quota` times, and expire.

Not guaranteed
    Spellings: see client_address.name_key. Clocks of processes are trusted. READ
    COMMITTED only (a system check).

Cost
    Five statements. Attempts at one key wait for each other.

Use instead
    rate_limit, if you have Redis. django-axes, to lock accounts. (Checked 2026-11.)

Source: OWASP, Authentication Cheat Sheet.

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
