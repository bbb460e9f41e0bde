from labkit.http import urlpatterns

__all__ = ["urlpatterns"]
