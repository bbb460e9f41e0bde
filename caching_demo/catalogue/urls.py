from django.urls import path, re_path

from catalogue import views

urlpatterns = [
    path("products/", views.ProductList.as_view(), name="product-list"),
    # what cannot be a SKU gets no lock in Redis and no query: a NUL byte would make PostgreSQL's driver raise
    re_path(r"^products/(?P<sku>[A-Za-z0-9-]{1,32})/\Z", views.ProductDetail.as_view(), name="product-detail"),
]
