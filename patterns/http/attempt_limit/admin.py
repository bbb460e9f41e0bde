from django.contrib import admin
from django.http import HttpRequest

from .models import Counted


@admin.register(Counted)
class CountedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: keys are hashed; a limit ends by its window."""

    list_display = ["key", "expires_at"]
    ordering = ["-expires_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Counted | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Counted | None = None) -> bool:
        return False
