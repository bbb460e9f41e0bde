from django.urls import path

from fulfilment.api import pages, views

urlpatterns = [
    path("orders/", views.OrderList.as_view(), name="order-list"),
    path("orders/<uuid:pk>/", views.OrderDetail.as_view(), name="order-detail"),
    path("ledger/", views.Ledger.as_view(), name="ledger"),
    path("dead-letters/", views.DeadLetterList.as_view(), name="dead-letter-list"),
    path("dead-letters/<str:message_id>/replay/", views.DeadLetterReplay.as_view(), name="dead-letter-replay"),
    path("flow/", pages.page, name="flow"),
    path("flow/orders/", pages.order, name="flow-order"),
    path("flow/dead-letters/<str:message_id>/replay/", pages.replay, name="flow-replay"),
]
