from django.apps import AppConfig
from django.core.signals import request_finished


class CatalogueConfig(AppConfig):
    name = "catalogue"

    def ready(self) -> None:
        from catalogue.store import send_counts
        from patterns.http.access_token import schema  # noqa: F401  # registers it with drf-spectacular

        request_finished.connect(send_counts, dispatch_uid="catalogue.send_counts")
