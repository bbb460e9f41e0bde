from django.contrib import admin
from django.http import HttpRequest

from .models import RefreshFamily


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: a login ends by `revoke`, and begins by a password."""

    list_display = ["user", "expires_at", "revoked_at"]
    ordering = ["-expires_at"]
    list_select_related = ["user"]
    exclude = ["selector", "current", "password_stamp"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RefreshFamily | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: RefreshFamily | None = None) -> bool:
        return False
