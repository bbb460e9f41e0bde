"""Refresh token rotation: a refresh token works once, and reuse revokes its family.

Problem
    A refresh token lives for weeks, and nobody notices a stolen one: owner and thief
    both keep working. "Check the blacklist, then add" is a race condition.

Guarantee
    - Of any number of uses of one token exactly one succeeds, also when they race.
    - Reuse revokes the family; so does a logout with any of its tokens.
    - A family ends at `expires_at`, and when its user is deactivated or changes
      password.
    - The table holds only SHA-256 of tokens.

Not guaranteed
    A client that loses a response must log in again. Access tokens live until their own
    `exp`. READ COMMITTED only: a system check refuses others.

Cost
    Two statements and a transaction per refresh; a row per login until you prune.

Use instead
    Sessions, for your own site. Keycloak or Ory Hydra, for many clients. SimpleJWT, if
    racing refreshes may succeed. (Checked 2026-11.)

Source: RFC 9700, section 4.14.2; RFC 6819, section 5.2.2.3.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.http.refresh_rotation"]

    # your code
    from datetime import timedelta

    from django.contrib.auth.models import User
    from django.utils import timezone

    from patterns.http.refresh_rotation import rotation

    user, now = User.objects.create(username="ann"), timezone.now()  # after a login
    token = rotation.start(user, lifetime=timedelta(days=30), now=now)
    user, token = rotation.rotate(token, now=now)  # or InvalidRefreshToken

    $ python manage.py migrate
    $ python manage.py prune_refresh_rotation --older-than 30d
"""
