from django.apps import AppConfig


class RefreshRotationConfig(AppConfig):
    name = "patterns.refresh_rotation"
    label = "refresh_rotation"
    default_auto_field = "django.db.models.BigAutoField"
