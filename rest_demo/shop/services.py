"""What the shop does. Each function is one transaction."""

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction

from shop.models import Order, OrderLine, Product


class UnknownProduct(Exception):
    """An order names a SKU that the shop does not sell."""


@transaction.atomic
def place_order(*, customer: User, quantities: Mapping[str, int]) -> Order:
    """Places an order of `quantities` (SKU → pieces, each at least 1) at today's prices. Raises UnknownProduct."""
    products = Product.objects.in_bulk(quantities, field_name="sku")
    if unknown := sorted(set(quantities) - set(products)):
        raise UnknownProduct(", ".join(unknown))
    order = Order.objects.create(customer=customer)
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=products[sku], quantity=quantity, unit_price=products[sku].price)
        for sku, quantity in quantities.items()
    )
    return order
