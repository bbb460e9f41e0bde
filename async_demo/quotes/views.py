"""The endpoint: it parses the request, calls a service and renders the quote."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from patterns.asyncio.lifespan import resource
from patterns.http.access_token import InvalidAccessToken
from patterns.http.problem_details import respond
from quotes.carriers import Parcel, open_client
from quotes.forms import ParcelForm
from quotes.services import gather_offers


@csrf_exempt  # nothing is changed here: a POST is told 405, not sent to look for a cookie
@require_safe
async def quote_list(request: HttpRequest) -> HttpResponse:
    """200 with the offers there are; 503 when carriers were asked and none made one: "nobody delivers there" would be a lie."""
    try:  # nobody has to log in, but an invalid token is an error that the client must see
        settings.TOKEN_VERIFIER.read_header(request.headers.get("Authorization", ""))
    except InvalidAccessToken:
        response = respond(request, 401, code="invalid_token", detail="The access token is invalid or expired.")
        response["WWW-Authenticate"] = 'Bearer realm="quotes", error="invalid_token"'
        return response
    form = ParcelForm(request.GET)
    if not form.is_valid():
        return JsonResponse({name: list(messages) for name, messages in form.errors.items()}, status=400)
    parcel = Parcel(**form.cleaned_data)
    async with resource(request, "carriers", otherwise=open_client) as client:
        quote = await gather_offers(client=client, parcel=parcel, timeout_seconds=settings.CARRIER_TIMEOUT_SECONDS)
    status = 503 if quote.failed and not quote.offers else 200
    return JsonResponse({**asdict(parcel), **asdict(quote)}, status=status)
