"""JSON logs: one object per line, with the request id.

Problem
    Lines of free text need a regular expression per program before you can search them.
    Django in production mails its errors to nobody.

Guarantee
    - Every record of every logger is one line of JSON: time, level, logger, request_id,
      message, and the traceback as a string.
    - Each record appears once: Django's own handlers are removed.
    - A lone surrogate in a message does not break the line.

Not guaranteed
    Masked secrets: do not log them. Output of libraries that print.

Cost
    About 10 µs per record.

Use instead
    structlog, if you want bound context in every call. (Checked 2026-11.)

Source: python-json-logger; Django, "Logging"; The Twelve-Factor App, XI.

Use
    # settings.py
    from patterns.http.json_logs import json_logs

    LOGGING = json_logs(pika="CRITICAL")  # a library that says too much
"""

from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS

from ..request_id import RequestIdFilter

REQUIRES = ("request_id",)


def json_logs(level: str = "INFO", **levels: str) -> dict[str, Any]:
    """A value for LOGGING. `levels` names loggers whose level differs."""
    formatter = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "levelname,name,request_id,message",
        "style": ",",
        "timestamp": "time",  # UTC, ISO 8601
        "rename_fields": {"levelname": "level", "name": "logger"},
        # its repr has the query string, which may hold a secret
        "reserved_attrs": [*RESERVED_ATTRS, "request"],
        "json_ensure_ascii": True,  # half a surrogate pair cannot be written as UTF-8
    }
    console = {
        "class": "logging.StreamHandler",
        "filters": ["request_id"],
        "formatter": "json",
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {"json": formatter},
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": level},
        # no handlers: Django's would print each record a second time, without the id
        "loggers": {
            "django": {"handlers": [], "level": level},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            **{name: {"level": each} for name, each in levels.items()},
        },
    }
