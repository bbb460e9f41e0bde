"""The invoice email, over SMTP, and which errors of the mail server are temporary."""

import smtplib

from django.core.mail import EmailMessage

from fulfilment.models import Email, Invoice, Order


class MailServerUnavailable(Exception):
    """Not now: the server is down, hangs, or asks us to come back (4xx)."""


class MailRefused(Exception):
    """Never: the server says so (5xx). The same mail would be refused tomorrow."""


def send(order: Order, email: Email, invoice: Invoice) -> None:
    """Returns when the server has the mail. Raises MailServerUnavailable or MailRefused."""
    message = EmailMessage(
        subject=f"Your order {order.pk}: invoice {invoice.number}",
        body="Thank you for your order. The invoice is attached, the parcel is on its way.\n",
        to=[order.email],
        headers={"Message-ID": email.message_id, "X-Request-ID": order.request_id or "-"},
    )
    message.attach(f"{invoice.number}.pdf", bytes(invoice.pdf), "application/pdf")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        [(code, text)] = error.recipients.values()
        raise verdict(code, text) from error
    except smtplib.SMTPConnectError as error:  # its greeting, which says nothing of this mail
        raise MailServerUnavailable(f"{error.smtp_code} {plain(error.smtp_error)}") from error
    except smtplib.SMTPResponseException as error:
        raise verdict(error.smtp_code, error.smtp_error) from error
    except OSError as error:  # smtplib's own errors, too
        raise MailServerUnavailable(f"{type(error).__name__}: {error}") from error


def verdict(code: int, text: bytes | str) -> MailServerUnavailable | MailRefused:
    return (MailRefused if code >= 500 else MailServerUnavailable)(f"{code} {plain(text)}")


def plain(text: bytes | str) -> str:
    return text.decode("ascii", "replace") if isinstance(text, bytes) else text
