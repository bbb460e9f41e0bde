from django.urls import path

from door import views

urlpatterns = [
    path("", views.index, name="index"),
    path("status/", views.status, name="status"),
    path("demos/<slug:demo>/", views.section, name="section"),
    path("challenges/<slug:demo>/<slug:name>/", views.challenge, name="challenge"),
    path("runs/<slug:demo>/<slug:name>/", views.run, name="run"),
]
