from django.apps import AppConfig


class RefreshRotationConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "refresh_rotation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 — registers itself
