"""The steps of an order, called as a worker calls them: again, in any order, and at once."""

import smtplib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMessage
from django.db import connection

from fulfilment import mail, services
from fulfilment.models import Email, Invoice, Order, Product, Restock, ShippingLabel, Step

NOW = datetime(2026, 11, 1, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def order_of(quantities: dict[str, int]) -> Order:
    return services.place_order(quantities=quantities, correlation_id="a-request")


def names(order: Order) -> list[str]:
    return [entry["step"] for entry in order.timeline()]


def refusing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def send(_: EmailMessage) -> None:
        raise error

    monkeypatch.setattr(EmailMessage, "send", send)


def test_each_step_is_done_once_however_often_it_is_called(mug: Product) -> None:
    order = order_of({mug.sku: 3})
    done = [
        [step(order_id=order.pk) for _ in range(2)]
        for step in (services.book_stock, services.write_invoice, services.print_label, services.email_invoice)
    ]
    mug.refresh_from_db()

    assert done == [[True, True], [True, False], [True, False], [True, False]]
    assert (mug.stock, mug.received) == (997, 1000)
    assert (Invoice.objects.count(), ShippingLabel.objects.count(), len(outbox.outbox)) == (1, 1, 1)
    assert names(order) == ["placed", "stock booked", "invoice written", "label printed", "shipped", "email sent"]


@pytest.mark.parametrize("first", [services.write_invoice, services.print_label])
def test_the_parcel_leaves_with_whichever_of_invoice_and_label_comes_last(mug: Product, first: Callable[..., bool]) -> None:
    order = order_of({mug.sku: 1})
    [second] = {services.write_invoice, services.print_label} - {first}

    first(order_id=order.pk)
    assert "shipped" not in names(order)
    second(order_id=order.pk)
    assert names(order).count("shipped") == 1
    assert Order.objects.get().status == "fulfilled"


@pytest.mark.django_db(transaction=True)
def test_steps_that_end_at_the_same_moment_do_not_each_leave_the_parcel_to_the_other(mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of({mug.sku: 1})
    looked, may_commit = threading.Event(), threading.Event()
    ship_when_ready = Order.ship_when_ready

    def and_linger(self: Order, *, at: datetime) -> bool:
        shipped = ship_when_ready(self, at=at)
        looked.set()
        may_commit.wait(10)
        return shipped

    def in_its_own_connection(step: Callable[..., bool]) -> None:
        try:
            step(order_id=order.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(Order, "ship_when_ready", and_linger)
        invoice = pool.submit(in_its_own_connection, services.write_invoice)
        assert looked.wait(10)  # has found no label, and has not committed
        monkeypatch.setattr(Order, "ship_when_ready", ship_when_ready)
        label = pool.submit(in_its_own_connection, services.print_label)
        wait([label], timeout=1)  # it waits for the other's commit; without the lock it would be through by now
        may_commit.set()
        invoice.result(10)
        label.result(10)

    assert names(order).count("shipped") == 1


def test_an_order_is_booked_whole_or_not_at_all_and_says_why(mug: Product) -> None:
    lamp = Product.objects.create(sku="SKU-000003", name="Lamp 3", price="8.90", stock=1, received=1)
    order = order_of({mug.sku: 1, lamp.sku: 2})

    assert [services.book_stock(order_id=order.pk) for _ in range(2)] == [False, False]
    mug.refresh_from_db()
    assert mug.stock == 1000
    order.refresh_from_db()
    assert (order.status, order.timeline()[-1]["step"], order.timeline()[-1]["detail"]) == ("stopped", "out of stock", "SKU-000003")


@pytest.mark.django_db(transaction=True)
def test_the_last_piece_is_sold_once(mug: Product) -> None:
    Product.objects.update(stock=1, received=1)
    orders = [order_of({mug.sku: 1}) for _ in range(8)]

    def book(order: Order) -> bool:
        try:
            return services.book_stock(order_id=order.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(book, orders)) == 1
    assert Step.objects.filter(name=Step.OUT_OF_STOCK).count() == 7


@pytest.mark.django_db(transaction=True)
def test_orders_that_name_the_same_products_crosswise_do_not_block_each_other(mug: Product) -> None:
    lamp = Product.objects.create(sku="SKU-000003", name="Lamp 3", price="8.90")
    barrier = threading.Barrier(2, timeout=20)

    def book(skus: list[str]) -> int:
        try:
            booked = 0
            for order in [order_of(dict.fromkeys(skus, 1)) for _ in range(40)]:
                barrier.wait()
                booked += services.book_stock(order_id=order.pk)
            return booked
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(book, [[mug.sku, lamp.sku], [lamp.sku, mug.sku]])) == [40, 40]


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_have_the_same_order_at_once_book_it_once_and_both_go_on(mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of({mug.sku: 3})
    taking, may_end = threading.Event(), threading.Event()
    take = type(Product.objects.all()).take

    def slowly(self: Any, lines: Any) -> None:
        take(self, lines)
        taking.set()
        may_end.wait(10)

    monkeypatch.setattr(type(Product.objects.all()), "take", slowly)
    monkeypatch.setattr(type(Product.objects), "take", lambda self, lines: self.all().take(lines))

    def book() -> bool:
        try:
            return services.book_stock(order_id=order.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(book)
        assert taking.wait(10)
        second = pool.submit(book)
        wait([second], timeout=0.5)
        may_end.set()
        assert (first.result(10), second.result(10)) == (True, True)
    mug.refresh_from_db()
    assert mug.stock == 997


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_have_the_same_mail_at_once_send_one(mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of({mug.sku: 1})
    services.write_invoice(order_id=order.pk)
    sending, may_end = threading.Event(), threading.Event()
    sent: list[int] = []

    def slowly(*_: object) -> None:
        sent.append(1)
        sending.set()
        may_end.wait(10)

    monkeypatch.setattr(mail, "send", slowly)

    def email() -> bool:
        try:
            return services.email_invoice(order_id=order.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(email)
        assert sending.wait(10)
        second = pool.submit(email)
        wait([second], timeout=1)  # it waits for the first one's commit; without the lock it would be sending by now
        may_end.set()
        assert (first.result(10), second.result(10), len(sent)) == (True, False, 1)


def test_the_invoice_is_a_pdf_of_any_length_and_of_any_name(mug: Product) -> None:
    products = [Product(sku=f"SKU-{number:06d}", name=f"Łampa {number} 電", price="5.90") for number in range(2, 101)]
    Product.objects.bulk_create(products)
    order = order_of({product.sku: 1000 for product in Product.objects.all()})
    services.write_invoice(order_id=order.pk)

    pdf = bytes(Invoice.objects.get().pdf)
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") > 1


def test_the_mail_carries_the_invoice_and_an_id_that_a_second_try_would_have_too(mug: Product) -> None:
    order = order_of({mug.sku: 1})
    services.write_invoice(order_id=order.pk)
    services.email_invoice(order_id=order.pk)
    Email.objects.update(sent_at=None)  # killed before the commit
    Step.objects.filter(name=Step.EMAIL_SENT).delete()
    services.email_invoice(order_id=order.pk)

    first, second = outbox.outbox
    assert first.extra_headers == second.extra_headers == {"Message-ID": f"<invoice.{order.pk}@shop.example>", "X-Request-ID": "a-request"}
    [(name, content, kind)] = first.attachments
    assert (name, content[:5], kind) == (f"{Invoice.objects.get().number}.pdf", b"%PDF-", "application/pdf")


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (ConnectionRefusedError(), mail.MailServerUnavailable),
        (TimeoutError(), mail.MailServerUnavailable),
        (smtplib.SMTPServerDisconnected("gone"), mail.MailServerUnavailable),
        (smtplib.SMTPConnectError(554, b"no service here"), mail.MailServerUnavailable),
        (smtplib.SMTPDataError(451, b"later"), mail.MailServerUnavailable),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (450, b"busy")}), mail.MailServerUnavailable),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"unknown")}), mail.MailRefused),
        (smtplib.SMTPDataError(554, b"spam"), mail.MailRefused),
        (smtplib.SMTPSenderRefused(553, b"not you", "orders@shop.example"), mail.MailRefused),
    ],
)
def test_what_a_mail_server_says_is_for_now_or_for_ever(
    mug: Product, monkeypatch: pytest.MonkeyPatch, error: Exception, means: type[Exception]
) -> None:
    order = order_of({mug.sku: 1})
    services.write_invoice(order_id=order.pk)
    refusing(monkeypatch, error)

    with pytest.raises(means):
        services.email_invoice(order_id=order.pk)
    assert "email sent" not in names(order)


def test_a_period_has_one_restock_and_what_ran_low_is_full_again(mug: Product) -> None:
    Product.objects.create(sku="SKU-000002", name="Teapot 2", price="7.90")
    Product.objects.filter(pk=mug.pk).update(stock=99)
    reports = [services.restock(now=NOW, every=MINUTE) for _ in range(2)] + [services.restock(now=NOW + MINUTE, every=MINUTE)]
    mug.refresh_from_db()

    assert (mug.stock, mug.received) == (1000, 1901)
    assert [report and report.pieces for report in reports] == [{mug.sku: 901}, None, {}]
    assert Restock.objects.count() == 2


def test_a_remark_is_replaced_by_the_next_of_its_name(mug: Product) -> None:
    order = order_of({mug.sku: 1})
    for reason in ("first", "x" * 500):
        Step.objects.remark(order_id=order.pk, name="email invoice waits", detail=reason)

    entry: Any = order.timeline()[-1]
    assert (entry["step"], entry["detail"]) == ("email invoice waits", "x" * 200)
