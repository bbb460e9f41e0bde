from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from community.views import CommunityView, Login

urlpatterns = [
    # no CSRF token: the view accepts only what a page of another site cannot send
    path("graphql/", csrf_exempt(CommunityView.as_view(graphiql=settings.GRAPHIQL))),
    path("login/", Login.as_view(), name="login"),
]
