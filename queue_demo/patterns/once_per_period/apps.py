from django.apps import AppConfig


class OncePerPeriodConfig(AppConfig):
    name = "patterns.once_per_period"
    label = "once_per_period"
    default_auto_field = "django.db.models.BigAutoField"
