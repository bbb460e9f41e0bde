from django.apps import AppConfig


class SignedWebhookConfig(AppConfig):
    name = "patterns.signed_webhook"
    label = "signed_webhook"
    default_auto_field = "django.db.models.BigAutoField"
