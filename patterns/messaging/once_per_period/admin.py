from typing import Any

from django.contrib import admin

from .models import Period


@admin.register(Period)
class PeriodAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: a period that is deleted here could be claimed again."""

    list_display = ("name", "begins_at", "claimed_at")
    search_fields = ("name__exact",)
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False
