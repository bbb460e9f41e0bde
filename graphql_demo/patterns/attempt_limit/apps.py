from django.apps import AppConfig


class AttemptLimitConfig(AppConfig):
    name = "patterns.attempt_limit"
    label = "attempt_limit"
    default_auto_field = "django.db.models.BigAutoField"
