from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "idempotency"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 — registers itself
