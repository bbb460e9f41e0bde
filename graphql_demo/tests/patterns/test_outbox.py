"""The pattern without the community: the change that an event tells of is a new group of Django's."""

import uuid

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from patterns.outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)


def change(name: str, event_id: uuid.UUID | None = None) -> None:
    Group.objects.create(name=name)
    OutboxEvent.objects.append(event_id=event_id or uuid.uuid4(), aggregate="groups", routing_key=name, payload={"name": name})


def test_an_event_is_stored_with_its_change() -> None:
    with transaction.atomic():
        change("made")

    [event] = OutboxEvent.objects.waiting()
    assert (event.routing_key, event.aggregate, event.payload) == ("made", "groups", {"name": "made"})
    assert Group.objects.exists()


def test_a_rollback_takes_both() -> None:
    with transaction.atomic():
        change("ghost")
        transaction.set_rollback(True)

    assert not Group.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_an_event_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        OutboxEvent.objects.append(event_id=uuid.uuid4(), aggregate="a", routing_key="a", payload={})

    assert not OutboxEvent.objects.exists()


def test_those_that_wait_are_found_the_oldest_first() -> None:
    with transaction.atomic():
        for name in "cab":
            change(name)
    OutboxEvent.objects.filter(routing_key="a").update(published_at="2026-01-01T00:00:00Z")

    assert [event.routing_key for event in OutboxEvent.objects.waiting()] == ["c", "b"]


def test_an_event_id_is_stored_once() -> None:
    event_id = uuid.uuid4()
    with transaction.atomic():
        change("first", event_id)

    with pytest.raises(IntegrityError), transaction.atomic():
        change("second", event_id)

    assert list(Group.objects.values_list("name", flat=True)) == ["first"]
