"""Refresh rotation: a refresh token works once, and the second try ends the whole family.

Problem         A refresh token lives for weeks. Who steals one has the account for as long, and nobody sees it: the owner's
                client goes on working beside the thief's. "Look on the blacklist, then add it" lets racers through.
Guarantee       Of any number of uses of one token one succeeds, also when they race. A token that is presented again revokes
                its family: the thief and the owner both have to log in, which only one of them can. The revocation stays
                whatever the request does next. A family ends at its `expires_at`, however often it is refreshed; with a logout
                by any of its tokens; and when its user is deactivated or has a new password. Tokens are random, and the
                table holds only SHA-256 of them: who reads it can use none, and can end none.
Not guaranteed  A client that loses an answer: its next try is the second use of a token, so it has to log in again. There is no
                grace window, as a thief would have it too. A client with several tabs or threads must refresh in one of
                them at a time. A thief who is first, and whose victim never comes back, is not seen until `expires_at`. Access
                tokens that are out already live to their own end. A password that is only rehashed counts as a new one. An
                end by idleness.
Cost            Two statements and a transaction a refresh; one row a login, however often it is refreshed, until you delete it:
                `RefreshFamily.objects.over(now).delete()`, by an index on `expires_at`.
Use instead     Sessions, when the only client is your own site's browser. An identity provider, when there are many clients:
                Keycloak and Ory Hydra rotate and detect reuse. SimpleJWT, when racing refreshes may both succeed.

All tokens of a family begin with the same random part, which finds the row; the rest is new each time. The row holds the digest
of the one token that may be used, so any other of the family has been used before.

Sources: RFC 9700, section 4.14.2; RFC 6819, section 5.2.2.3; RFC 6749, section 10.4.
"""
