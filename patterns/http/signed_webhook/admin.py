from django.contrib import admin
from django.http import HttpRequest

from .models import ReceivedEvent


@admin.register(ReceivedEvent)
class ReceivedEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: a deleted id would take effect again."""

    list_display = ["source", "event_id", "outcome", "received_at"]
    ordering = ["-received_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReceivedEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReceivedEvent | None = None) -> bool:
        return False
