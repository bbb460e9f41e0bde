from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    name = "warehouse"

    def ready(self) -> None:
        from patterns.http.access_token import schema  # noqa: F401  # registers it with drf-spectacular
