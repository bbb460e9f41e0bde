from typing import Any

from django.contrib import admin

from .models import Inbox


@admin.register(Inbox)
class InboxAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: an id that is deleted here would be new again."""

    list_display = ("consumer", "message_id", "received_at")
    search_fields = ("message_id__exact",)
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False
