"""Attempt limit: guesses at passwords are counted in the database, by all processes together.

Problem         A login that may be tried as often as one likes is a search engine for passwords. A counter in memory multiplies the
                limit by the processes; one that is read, compared and written back lets through whoever reads before the
                others have written.
Guarantee       Of attempts at the same moment, over any number of processes, exactly `quota` are allowed in any window of
                `window_seconds`, for each key. Several limits are checked at once and counted all or none: a refused
                attempt counts nowhere, and learns after how many seconds the next may be allowed. A key is hashed, so that no
                name or address stands in the table; it holds at most `quota` times, and its row goes when all have passed.
Not guaranteed  The processes' clocks are believed. A flood from many addresses writes a row for each of them. It is no lock:
                who waits may guess again, `quota` times a window.
Cost            Five statements, and the attempts at one key wait for each other. Beside a password's hash that is nothing; for
                each request of an API it would be too much.
Use instead     A limiter in Redis (rest_demo's rate_limit), where there is one. django-axes, to lock accounts, and with an admin for it.

Source: OWASP, "Authentication Cheat Sheet", on throttling; PostgreSQL documentation, INSERT, "ON CONFLICT".
"""
