"""The text of an error, for a timeline or a log."""


def in_one_line(error: BaseException) -> str:
    """At most 200 characters; many errors say nothing but their name."""
    return " ".join(f"{type(error).__name__} {error}".split())[:200]
