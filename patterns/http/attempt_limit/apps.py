from django.apps import AppConfig


class AttemptLimitConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "attempt_limit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 — registers itself
