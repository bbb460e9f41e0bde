from django.urls import path

from quotes import views

urlpatterns = [path("", views.quote_list, name="quote-list")]
