from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from community.views import CommunityView, Login, token
from patterns.graphql.loaders import LoadingExecution

urlpatterns = [
    # exempt from Django's token, so that programs need none: the view accepts only what other sites' pages cannot send
    path("graphql/", csrf_exempt(CommunityView.as_view(graphiql=settings.GRAPHIQL, execution_context_class=LoadingExecution))),
    path("auth/token/", token),
    path("login/", Login.as_view(), name="login"),
]
