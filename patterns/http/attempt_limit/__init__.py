"""Attempt limit: count password guesses in the database, exactly, across all processes.

Problem
    A login without a limit lets anyone search for passwords. A counter in memory
    multiplies the limit by the processes. Read, compare, write back is a race condition.

Guarantee
    - Of racing attempts, exactly `quota` per key pass in any window of `window_seconds`.
    - Several limits are checked at once and counted all or none. A refused attempt counts
      nowhere, and learns after how many seconds to try again.
    - A key is hashed and has a fixed size; it holds at most `quota` times. Each attempt
      deletes up to 100 expired rows.

Not guaranteed
    The processes' clocks are trusted. A flood from many addresses writes a row for each.
    Spellings: normalise names first (client_address.name_key). READ COMMITTED only: a
    system check says so.

Cost
    Five statements, and attempts at one key wait for each other. Little beside a password
    hash, too much for every request of an API.

Use instead
    rate_limit, if you have Redis. django-axes, for locking accounts. (Checked 2026-11.)

Source: OWASP, Authentication Cheat Sheet; PostgreSQL, INSERT, "ON CONFLICT".

Use
    # settings.py
    INSTALLED_APPS += ["patterns.http.attempt_limit"]

    # your code
    from django.utils import timezone

    from patterns.http.attempt_limit.attempts import Limit, count

    checks = [(Limit("name", 10, 60), "ann"), (Limit("address", 20, 60), "192.0.2.7")]
    seconds_to_wait = count(checks, now=timezone.now())  # 0: go on. Otherwise answer 429.

    $ python manage.py migrate
    $ python manage.py prune_attempt_limit --older-than 1h
"""
