"""The services of the shop. Each function is one transaction, including its event in the outbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from shop import events
from shop.models import Order, OrderLine, Product


class UnknownProduct(Exception):
    """The order contains an unknown SKU."""


class OutOfStock(Exception):
    """The stock is smaller than the order."""


class MixedCurrencies(Exception):
    """The products have prices in several currencies."""


class NotCancellable(Exception):
    """The order is already paid."""


@transaction.atomic
def add_products(rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Adds the products whose SKU is new. Returns True for these rows. Of two rows with one SKU, the first is added.

    Two queries for any number of rows; more only if another import adds the same SKUs meanwhile.
    """
    first = {row["sku"]: index for index, row in reversed([*enumerate(rows)])}
    new = sorted(first.keys() - Product.objects.existing(first))
    while new:
        try:
            with transaction.atomic():
                # sorted: racing imports lock the SKUs in one order, so no deadlock
                Product.objects.bulk_create(Product(**rows[first[sku]]) for sku in new)
            break
        except IntegrityError:
            free = sorted(set(new) - Product.objects.existing(new))
            if free == new:
                raise  # not a race
            new = free
    added = {first[sku] for sku in new}
    return [index in added for index in range(len(rows))]


@transaction.atomic
def update_product(product: Product, *, changes: Mapping[str, Any]) -> None:
    """Writes the changed columns only: name, category, price."""
    price = product.price
    for name, value in changes.items():
        setattr(product, name, value)
    product.save(update_fields=list(changes))
    if product.price != price:
        events.announce_price(product)


@transaction.atomic
def place_order(*, customer: User, quantities: Mapping[str, int]) -> Order:
    """Places an order of `quantities` (SKU → pieces, each at least 1) at today's prices. A free order is paid at once.

    Raises UnknownProduct, MixedCurrencies, OutOfStock.
    """
    products = Product.objects.locked(quantities)
    if unknown := sorted(set(quantities) - set(products)):
        raise UnknownProduct(", ".join(unknown))
    currencies = sorted({product.currency for product in products.values()})
    if len(currencies) > 1:
        raise MixedCurrencies(", ".join(currencies))
    if short := sorted(sku for sku, product in products.items() if product.stock < quantities[sku]):
        raise OutOfStock(", ".join(short))
    for sku, product in products.items():
        product.stock -= quantities[sku]
    Product.objects.bulk_update(products.values(), ["stock"])
    order = Order.objects.create(customer=customer, currency=currencies[0])
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=product, quantity=quantities[sku], unit_price=product.price) for sku, product in products.items()
    )
    events.announce_order("placed", order)
    if not order.total:
        mark_paid(order)
    return order


def mark_paid(order: Order) -> None:
    """The caller has locked the order or created it."""
    order.status, order.paid_at = Order.Status.PAID, timezone.now()
    order.save(update_fields=["status", "paid_at"])
    events.announce_order("paid", order)


@transaction.atomic
def cancel_order(order: Order) -> Order:
    """Returns the pieces to the stock. A repeated call changes nothing. Raises NotCancellable."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)  # a payment may arrive at this moment
    if order.status == Order.Status.PAID:
        raise NotCancellable
    if order.status == Order.Status.CANCELLED:
        return order
    quantities = {line.product.sku: line.quantity for line in order.lines.select_related("product")}
    products = Product.objects.locked(quantities)
    for sku, product in products.items():
        product.stock += quantities[sku]
    Product.objects.bulk_update(products.values(), ["stock"])
    order.status, order.cancelled_at = Order.Status.CANCELLED, timezone.now()
    order.save(update_fields=["status", "cancelled_at"])
    events.announce_order("cancelled", order)
    return order
