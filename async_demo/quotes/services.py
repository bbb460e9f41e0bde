"""Delivery quotes: asks all carriers concurrently."""

import logging
from dataclasses import dataclass, field

import httpx
from asgiref.sync import sync_to_async
from django.db import connection

from patterns.asyncio.gather_settled import gather_settled
from quotes.carriers import CarrierFailed, Offer, Parcel, Reason, ask
from quotes.models import Carrier

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quote:
    """The offers, cheapest first, and the carriers that made none, with the reason."""

    offers: list[Offer] = field(default_factory=list)
    failed: dict[str, Reason] = field(default_factory=dict)


async def gather_offers(*, client: httpx.AsyncClient, parcel: Parcel, timeout_seconds: float) -> Quote:
    """Asks all active carriers concurrently. Takes as long as the slowest, at most `timeout_seconds`."""
    carriers = [carrier async for carrier in Carrier.objects.active()]
    await sync_to_async(give_back_connection)()  # carriers are slow, and database connections are few

    async def ask_one(carrier: Carrier) -> Offer:
        return await ask(client, carrier, parcel)

    answers = await gather_settled(ask_one, carriers, timeout_seconds=timeout_seconds, failures=(CarrierFailed,))
    quote = Quote()
    for carrier, answer in zip(carriers, answers, strict=True):
        if isinstance(answer, Exception):
            reason = answer.reason if isinstance(answer, CarrierFailed) else "timed_out"
            logger.warning("carrier %s made no offer: %s", carrier.slug, reason)
            quote.failed[carrier.slug] = reason
        else:
            quote.offers.append(answer)
    quote.offers.sort(key=lambda offer: (offer.price, offer.days, offer.carrier))
    return quote


def give_back_connection() -> None:
    """Closes this thread's database connection, unless it is in a transaction. The next query opens one."""
    if not connection.in_atomic_block:
        connection.close()
