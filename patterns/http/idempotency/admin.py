from django.contrib import admin
from django.http import HttpRequest

from .models import StoredAnswer


@admin.register(StoredAnswer)
class StoredAnswerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: a changed answer would be replayed."""

    list_display = ["scope", "key", "status", "created_at"]
    ordering = ["-created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StoredAnswer | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: StoredAnswer | None = None) -> bool:
        return False
