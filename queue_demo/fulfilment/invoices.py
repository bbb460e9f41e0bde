"""The invoice as a PDF, made by fpdf2."""

from fulfilment.models import Invoice, Order

WIDTHS = (30, 80, 20, 30, 30)  # millimetres


def render(order: Order, invoice: Invoice) -> bytes:
    """One order on as many pages as it needs. The same order gives the same bytes."""
    from fpdf import FPDF, XPos, YPos  # 25 MB with its fonts and images, which only a worker's child needs

    page = FPDF()
    page.set_creation_date(order.placed_at)
    page.set_title(f"Invoice {invoice.number}")
    page.add_page()
    page.set_font("Helvetica", size=20)
    page.cell(text=f"Invoice {invoice.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("Helvetica", size=10)
    page.cell(text=f"Order {order.pk} of {order.placed_at:%Y-%m-%d}", new_x=XPos.LMARGIN, new_y=YPos.NEXT, h=10)
    with page.table(col_widths=WIDTHS, text_align=("LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT")) as table:
        table.row(("SKU", "product", "pieces", "price", "sum"))
        for line in order.lines.select_related("product").order_by("product__sku"):
            price = line.unit_price
            table.row((line.product.sku, latin1(line.product.name), str(line.quantity), f"{price:,}", f"{price * line.quantity:,}"))
        table.row(("", "", "", "total", f"{order.total:,} {order.currency}"))
    return bytes(page.output())


def latin1(text: str) -> str:
    """The fonts that every PDF reader brings know no more."""
    return text.encode("latin-1", "replace").decode("latin-1")
