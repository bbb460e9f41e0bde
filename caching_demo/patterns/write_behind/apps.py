from django.apps import AppConfig


class WriteBehindConfig(AppConfig):
    name = "patterns.write_behind"
    label = "write_behind"
    default_auto_field = "django.db.models.BigAutoField"
