from django.apps import AppConfig


class WriteBehindConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "write_behind"
    default_auto_field = "django.db.models.BigAutoField"
