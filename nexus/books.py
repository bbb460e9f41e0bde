"""The books of queue_demo: what was published must be what was processed, plus what was given up, and nothing twice.

Counted from the rows and the dead letters, by nobody of the service's.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pika
import psycopg
import psycopg.sql

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
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
        fulfilled = {str(row[0]) for row in self.query("SELECT order_id FROM chaos_effects")}
        dead, lost = len((self.dead_letters() & found) - fulfilled), len(set(accepted) - found)
        return {
            "orders_answered_with_202": len(accepted),
            "orders": orders,
            "lost_after_202": lost,
            "outbox_pending": pending,
            "published": published,
            "processed": processed,
            "dead_lettered": dead,
            "effects_twice": effects - processed,
            "balanced": (published, effects, orders, pending, lost) == (processed + dead, processed, published, 0, 0),
        }

    def dead_letters(self) -> set[str]:
        """The orders that a dead letter names. Empty while the broker is away: the books balance later, then."""
        named: set[str] = set()
        away = contextlib.suppress(pika.exceptions.AMQPError, OSError)
        with away, contextlib.closing(pika.BlockingConnection(pika.URLParameters(self.broker))) as connection:
            channel = connection.channel()
            for queue in DEAD_LETTERS:
                while (letter := channel.basic_get(queue))[0] is not None:  # given back when the connection ends
                    named |= {found.decode() for found in UUID.findall(letter[2])}
        return named

    def query(self, statement: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self.database.replace("postgres://", "postgresql://"), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Drops the database."""
        server, _, name = self.database.replace("postgres://", "postgresql://").rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))
