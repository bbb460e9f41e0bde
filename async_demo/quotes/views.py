"""The endpoint: it parses the request, calls a service and renders the quote."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from patterns.asyncio.lifespan import resource
from patterns.http.access_token import InvalidAccessToken
from patterns.http.problem_details import CONTENT_TYPE, Code, form_errors, problem, respond
from quotes.carriers import Parcel, open_client
from quotes.forms import ParcelForm
from quotes.services import gather_offers

RETRY_AFTER_SECONDS = 5


@csrf_exempt  # read-only: a POST gets 405, not an error about a cookie
@require_safe
async def quote_list(request: HttpRequest) -> HttpResponse:
    """200 with the offers; 503 if carriers were asked and none made one, which does not mean that none delivers there."""
    try:  # no login needed, but a client that sends an invalid token must learn of it
        settings.TOKEN_VERIFIER.read_header(request.headers.get("Authorization", ""))
    except InvalidAccessToken:
        response = respond(request, 401, code="invalid_token", detail="The access token is invalid or expired.")
        response["WWW-Authenticate"] = 'Bearer realm="quotes", error="invalid_token"'
        return response
    form = ParcelForm(request.GET)
    if not form.is_valid():
        return respond(request, 400, code=Code.INVALID_PARAMETER, detail="A parameter is not valid.", errors=form_errors(form))
    parcel = Parcel(**form.cleaned_data)
    async with resource(request, "carriers", otherwise=open_client) as client:
        quote = await gather_offers(client=client, parcel=parcel, timeout_seconds=settings.CARRIER_TIMEOUT_SECONDS)
    if quote.failed and not quote.offers:
        body = problem(request, 503, detail="No carrier made an offer. Try again later.") | asdict(quote)
        return JsonResponse(body, status=503, content_type=CONTENT_TYPE, headers={"Retry-After": RETRY_AFTER_SECONDS})
    return JsonResponse({**asdict(parcel), **asdict(quote)})
