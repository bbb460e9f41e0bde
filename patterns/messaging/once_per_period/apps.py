from django.apps import AppConfig


class OncePerPeriodConfig(AppConfig):
    name = __name__.rpartition(".")[0]
    label = "once_per_period"
    default_auto_field = "django.db.models.BigAutoField"
