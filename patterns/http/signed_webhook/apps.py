from django.apps import AppConfig


class SignedWebhookConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "signed_webhook"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 — registers itself
