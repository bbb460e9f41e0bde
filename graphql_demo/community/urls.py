from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from community.views import CommunityView, Login

urlpatterns = [
    # no CSRF token: the view accepts only what a page of another site cannot send
    path("graphql/", csrf_exempt(CommunityView.as_view(graphiql=settings.GRAPHIQL))),
    # the view itself checks the CSRF token, after it has counted the attempt
    path("login/", csrf_exempt(Login.as_view()), name="login"),
]
