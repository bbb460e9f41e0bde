"""Rows of the domain's own for what the timeline and the ledger read from the outbox and the inbox."""

import uuid
from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models

BATCH = 1_000
SAME_TRANSACTION = timedelta(minutes=1)  # between the clock readings for inbox and order; both are taken early in it


def copy_events(apps, schema_editor):
    Order, OrderEvent = apps.get_model("fulfilment", "Order"), apps.get_model("fulfilment", "OrderEvent")
    OutboxEvent, Inbox = apps.get_model("outbox", "OutboxEvent"), apps.get_model("inbox", "Inbox")
    orders = set(Order.objects.values_list("pk", flat=True))
    announced = set()
    rows = []

    def save(row):
        rows.append(row)
        if len(rows) == BATCH:
            OrderEvent.objects.bulk_create(rows, ignore_conflicts=True)
            rows.clear()

    sent = OutboxEvent.objects.filter(aggregate__startswith="order/").order_by("pk")
    for event in sent.values_list("event_id", "aggregate", "routing_key", "published_at").iterator(BATCH):
        event_id, aggregate, name, published_at = event
        order_id = as_uuid(aggregate.removeprefix("order/"))
        if order_id in orders:
            announced.add(order_id)
            save(OrderEvent(order_id=order_id, name=name[:40], event_id=event_id, at=published_at))
    # the inbox does not say which order an event was about: it was stored just before the order
    accepted = iter(list(
        Inbox.objects.filter(consumer="accept_paid_order").order_by("received_at").values_list("message_id", "received_at")
    ))
    message = next(accepted, None)
    others = Order.objects.order_by("placed_at").values_list("pk", "placed_at").iterator(BATCH)
    for order_id, placed_at in others:
        if order_id in announced:
            continue
        while message and message[1] < placed_at - SAME_TRANSACTION:
            message = next(accepted, None)
        if message and message[1] <= placed_at:
            save(OrderEvent(order_id=order_id, name="order.paid", event_id=as_uuid(message[0]), at=placed_at))
            message = next(accepted, None)
    OrderEvent.objects.bulk_create(rows, ignore_conflicts=True)


def as_uuid(text):
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class Migration(migrations.Migration):

    dependencies = [
        ("fulfilment", "0002_workflow"),
        ("inbox", "0001_initial"),
        ("outbox", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("event_id", models.UUIDField(null=True, unique=True)),
                ("at", models.DateTimeField(null=True)),
                ("order", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="events", to="fulfilment.order")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("order", "name"), name="one_event_of_a_name")],
            },
        ),
        migrations.RunPython(copy_events, migrations.RunPython.noop),
    ]
