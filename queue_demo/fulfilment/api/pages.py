"""The live page of the flow. htmx fetches its inner part every two seconds."""

import contextlib
import random
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from fulfilment import ledger
from fulfilment.api.broker import BrokerDown, connected, dead_letters
from fulfilment.messaging import flow, letters
from fulfilment.models import Order, Product
from fulfilment.services import place_order
from patterns.http.request_id import current

LATEST = 8
SHOWN_LETTERS = 20


def look() -> dict[str, Any]:
    """What the page shows: ledger, queue depths, dead letters and latest orders. Without the broker only what the rows tell."""
    orders = Order.objects.prefetch_related("lines__product", "steps", "events")[:LATEST]
    try:
        snapshot = dead_letters()
        with connected() as connection:
            depths = flow.depths(connection)
    except BrokerDown:
        return {"orders": orders, "books": ledger.read(None), "is_broker_down": True}
    books = ledger.read([letter for _, letter in snapshot.letters], total=snapshot.total)
    waiting = books["emails_due"] - books["emails_sent"] - (books["emails_dead_lettered"] or 0)
    return {
        "orders": orders,
        "books": books,
        "depths": depths,
        "letters": letters.explained(snapshot.letters[:SHOWN_LETTERS]),
        "emails_in_flight": waiting,
    }


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    template = "now" if request.headers.get("HX-Request") == "true" else "flow"
    return render(request, f"fulfilment/{template}.html", look())


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Orders one piece of a random product."""
    skus = list(Product.objects.values_list("sku", flat=True)[:100])
    if skus:
        place_order(quantities={random.choice(skus): 1}, correlation_id=current.get())  # noqa: S311
    return again(request)


@require_POST
def replay(request: HttpRequest) -> HttpResponse:
    """Replays a dead letter. If it no longer exists, nothing happens."""
    with contextlib.suppress(BrokerDown), connected() as connection:  # the page that follows says so
        letters.replay(connection, request.POST.get("message_id", ""))
    return again(request)


@require_POST
def drop(request: HttpRequest) -> HttpResponse:
    """Deletes a dead letter permanently."""
    with contextlib.suppress(BrokerDown), connected() as connection:
        letters.drop(connection, request.POST.get("message_id", ""))
    return again(request)


def again(request: HttpRequest) -> HttpResponse:
    """After a button: the inner part for htmx, the whole page for a browser without it."""
    if request.headers.get("HX-Request") == "true":
        return render(request, "fulfilment/now.html", look())
    return HttpResponseRedirect(reverse("flow"), status=303)
