from typing import Any

from django.contrib import admin

from .models import OutboxEvent


@admin.register(OutboxEvent)
class OutboxEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: an event that is edited here would not be the one that was committed."""

    list_display = ("id", "routing_key", "aggregate", "created_at", "published_at", "refusal")
    list_filter = (("published_at", admin.EmptyFieldListFilter),)
    search_fields = ("aggregate__exact",)
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False
