from django.urls import path, re_path

from catalogue import figures, views

# what cannot be a SKU gets no lock in the store and no query: a NUL byte would make PostgreSQL's driver raise
SKU = r"(?P<sku>[A-Za-z0-9-]{1,32})"

urlpatterns = [
    path("products/", views.ProductList.as_view(), name="product-list"),
    re_path(rf"^products/{SKU}/\Z", views.ProductDetail.as_view(), name="product-detail"),
    re_path(rf"^products/{SKU}/views/\Z", views.ProductViews.as_view(), name="product-views"),
    path("products.json", views.Export.as_view(), name="export"),
    path("trending/", views.Trending.as_view(), name="trending"),
    path("cache/", figures.page, name="cache"),
    path("me/recent/", views.Recent.as_view(), name="recent"),
]
