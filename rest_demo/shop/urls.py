from django.urls import path

from shop.api import orders, payments, products

urlpatterns = [
    path("categories/", products.CategoryList.as_view(), name="category-list"),
    path("products/", products.ProductList.as_view(), name="product-list"),
    path("products/<slug:sku>/", products.ProductDetail.as_view(), name="product-detail"),  # slug: a NUL never reaches PostgreSQL
    path("orders/", orders.OrderList.as_view(), name="order-list"),
    path("orders/<uuid:pk>/", orders.OrderDetail.as_view(), name="order-detail"),
    path("orders/<uuid:pk>/cancellation/", orders.OrderCancellation.as_view(), name="order-cancellation"),
    path("orders/<uuid:pk>/payments/", payments.OrderPayments.as_view(), name="order-payments"),
    path("webhooks/payments/", payments.PaymentWebhook.as_view(), name="payment-webhook"),
]
