"""Read-only: a row that is changed or deleted by hand may count a batch twice."""

from typing import Any

from django.contrib import admin

from .models import FlushedBatch


@admin.register(FlushedBatch)
class FlushedBatchAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "flushed_at")
    ordering = ("-flushed_at",)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False
