from django.apps import AppConfig


class RefreshRotationConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "refresh_rotation"
    default_auto_field = "django.db.models.BigAutoField"
