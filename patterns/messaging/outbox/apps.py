from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "outbox"
    default_auto_field = "django.db.models.BigAutoField"
