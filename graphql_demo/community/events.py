"""The events of this service, as CloudEvents 1.0 in JSON (cloudevents.io)."""

import uuid
from typing import Any

from community.models import Review

REVIEW_POSTED = "review.posted"


def review_posted(review: Review, *, correlation_id: str) -> dict[str, Any]:
    """`correlation_id` is the id of the request that caused the event."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/community",
        "type": REVIEW_POSTED,
        "time": review.posted_at.isoformat(),
        "subject": f"review/{review.pk}",
        "datacontenttype": "application/json",
        "correlationid": correlation_id,
        "data": {"review_id": str(review.pk), "sku": review.product.sku, "author": review.author.username, "rating": review.rating},
    }
