"""Refresh token rotation: a token works once, and reuse revokes its family.

Problem
    If a refresh token is stolen, owner and thief both keep working for weeks. "Check,
    then blacklist" is a race condition.

Guarantee
    - Of racing uses of one token exactly one succeeds.
    - Reuse, or a logout with any of its tokens, revokes the family.
    - It ends at `expires_at`, and when its user is deactivated or changes password.
    - The table holds only SHA-256 of tokens.

Not guaranteed
    After a lost response, log in again. Access tokens live until `exp`. READ COMMITTED
    only (a system check).

Cost
    Two statements per refresh; a row per login.

Use instead
    Sessions, for your own site. SimpleJWT, if racing refreshes may succeed. (Checked
    2026-11.)

Source: RFC 9700, section 4.14.2.

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
