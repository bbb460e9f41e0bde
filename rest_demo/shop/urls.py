from django.urls import path

from shop.api import accounts, imports, orders, payments, products

urlpatterns = [
    path("auth/token/", accounts.TokenObtain.as_view(), name="token"),
    path("auth/token/refresh/", accounts.TokenRefresh.as_view(), name="token-refresh"),
    path("auth/logout/", accounts.Logout.as_view(), name="logout"),
    path("me/", accounts.Me.as_view(), name="me"),
    path("categories/", products.CategoryList.as_view(), name="category-list"),
    path("products/", products.ProductList.as_view(), name="product-list"),
    path("products/bulk/", imports.ProductImport.as_view(), name="product-import"),
    path("products/<slug:sku>/", products.ProductDetail.as_view(), name="product-detail"),  # slug: a NUL never reaches PostgreSQL
    path("orders/", orders.OrderList.as_view(), name="order-list"),
    path("orders/<uuid:pk>/", orders.OrderDetail.as_view(), name="order-detail"),
    path("orders/<uuid:pk>/cancellation/", orders.OrderCancellation.as_view(), name="order-cancellation"),
    path("orders/<uuid:pk>/payments/", payments.OrderPayments.as_view(), name="order-payments"),
    path("orders/<uuid:pk>/payments/<uuid:payment_id>/", payments.OrderPayment.as_view(), name="order-payment"),
    path("webhooks/payments/", payments.PaymentWebhook.as_view(), name="payment-webhook"),
]
