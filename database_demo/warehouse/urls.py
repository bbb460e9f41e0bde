from django.urls import path

from warehouse import views

urlpatterns = [
    path("stock/", views.StockList.as_view(), name="stock-list"),
    path("stock/<slug:sku>/", views.StockDetail.as_view(), name="stock-detail"),
    path("reservations/", views.ReservationList.as_view(), name="reservation-list"),
    path("reservations/<uuid:pk>/", views.ReservationDetail.as_view(), name="reservation-detail"),
]
