"""The patterns' tests bring their own URLs."""

urlpatterns: list[object] = []
