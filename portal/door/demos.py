"""The demos behind this door: their ports, their part of the shop, and what is worth a look in each. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explorer:
    """A page of a demo, for people."""

    label: str
    path: str


@dataclass(frozen=True)
class Demo:
    """`port_offset` is counted from PORT_BASE."""

    name: str
    port_offset: int
    part: str
    explorers: tuple[Explorer, ...]


DEMOS = (
    Demo("rest_demo", 1, "catalogue and orders", (Explorer("Swagger UI", "/api/docs/"),)),
    Demo("graphql_demo", 2, "reviews, likes, a feed", (Explorer("GraphiQL", "/graphql/"),)),
    Demo("queue_demo", 3, "what happens after an order", (Explorer("the flow, live", "/flow/"), Explorer("ledger", "/ledger/"))),
    Demo("caching_demo", 4, "product pages under load", (Explorer("a product", "/products/SKU-000001/"),)),
    Demo("database_demo", 5, "stock and reservations", (Explorer("stock", "/stock/"),)),
    Demo("async_demo", 6, "live quotes from slow carriers", (Explorer("quotes", "/quotes/?postcode=10115&weight_grams=500"),)),
)
BY_NAME = {demo.name: demo for demo in DEMOS}
RABBITMQ_MANAGEMENT_OFFSET = 73
