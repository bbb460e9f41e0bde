from django.urls import path

from shop import views

urlpatterns = [
    path("products/", views.ProductList.as_view(), name="product-list"),
    path("products/<slug:sku>/", views.ProductDetail.as_view(), name="product-detail"),  # slug: a NUL never reaches PostgreSQL
    path("orders/", views.OrderList.as_view(), name="order-list"),
]
