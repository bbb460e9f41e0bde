from django.urls import path

from fulfilment.api import pages, views

urlpatterns = [
    path("orders/", views.OrderList.as_view(), name="order-list"),
    path("orders/<uuid:pk>/", views.OrderDetail.as_view(), name="order-detail"),
    path("ledger/", views.Ledger.as_view(), name="ledger"),
    path("dead-letters/", views.DeadLetterList.as_view(), name="dead-letter-list"),
    # ids from outside may have slashes
    path("dead-letters/<path:message_id>/drop/", views.DeadLetterDrop.as_view(), name="dead-letter-drop"),
    path("dead-letters/<path:message_id>/replay/", views.DeadLetterReplay.as_view(), name="dead-letter-replay"),
    path("flow/", pages.page, name="flow"),
    path("flow/orders/", pages.order, name="flow-order"),
    path("flow/dead-letters/replay/", pages.replay, name="flow-replay"),
    path("flow/dead-letters/drop/", pages.drop, name="flow-drop"),
]
