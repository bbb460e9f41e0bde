"""The books of queue_demo: what was published must be what was processed, nothing twice, and without a dead letter.

Counted from the rows and the queues, not by code of the service.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import pika
import psycopg

DEAD_LETTERS = ("fulfilment.orders.dead", "fulfilment.tasks.dead")
# each change of an order to fulfilled leaves a row: an effect that happened twice is seen, whatever the service itself believes
EFFECTS = """
CREATE TABLE chaos_effects (order_id uuid NOT NULL);
CREATE FUNCTION chaos_effect() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO chaos_effects VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER chaos_effect AFTER UPDATE ON fulfilment_order
    FOR EACH ROW WHEN (NEW.fulfilled_at IS DISTINCT FROM OLD.fulfilled_at) EXECUTE FUNCTION chaos_effect();
"""
COUNTS = """
SELECT (SELECT count(*) FROM fulfilment_order),
       (SELECT count(*) FROM outbox_outboxevent WHERE published_at IS NOT NULL),
       (SELECT count(*) FROM outbox_outboxevent WHERE published_at IS NULL),
       (SELECT count(DISTINCT order_id) FROM chaos_effects),
       (SELECT count(*) FROM chaos_effects)
"""


@dataclass(frozen=True)
class Books:
    """`database` and `broker` are URLs; not by way of what cuts the others off."""

    database: str
    broker: str

    def open(self) -> None:
        """From here on each effect leaves a row."""
        self.query(EFFECTS)

    def read(self, accepted: Sequence[str]) -> dict[str, int | bool]:
        """`accepted` are the orders that customers were promised. "balanced" is false, too, while work is on its way."""
        orders, published, pending, processed, effects = self.query(COUNTS)[0]
        found = {str(row[0]) for row in self.query("SELECT id FROM fulfilment_order")}
        dead, lost = self.dead_letters(), len(set(accepted) - found)
        return {
            "orders_answered_with_202": len(accepted),
            "orders": orders,
            "lost_after_202": lost,
            "outbox_pending": pending,
            "published": published,
            "processed": processed,
            "dead_letters": -1 if dead is None else dead,
            "effects_twice": effects - processed,
            "balanced": (published, effects, orders, pending, lost, dead) == (processed, processed, published, 0, 0, 0),
        }

    def dead_letters(self) -> int | None:
        """How many there are: all faults here are the infrastructure's, so none is right. None: the broker is not available."""
        away = contextlib.suppress(pika.exceptions.AMQPError, OSError)
        with away, contextlib.closing(pika.BlockingConnection(pika.URLParameters(self.broker))) as connection:
            channel = connection.channel()
            return sum(channel.queue_declare(queue, passive=True).method.message_count for queue in DEAD_LETTERS)
        return None

    def query(self, statement: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self.database.replace("postgres://", "postgresql://"), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
