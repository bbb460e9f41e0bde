from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "inbox"
    default_auto_field = "django.db.models.BigAutoField"
