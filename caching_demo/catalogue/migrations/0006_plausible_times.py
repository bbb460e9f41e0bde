"""A time that Python cannot read back made each page of its product a 500."""

import datetime

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

BETWEEN = (
    datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc),
    datetime.datetime(2199, 1, 1, tzinfo=datetime.timezone.utc),
)


def repair(apps, schema_editor):
    products = apps.get_model("catalogue", "Product").objects.using(schema_editor.connection.alias)
    now = timezone.now()
    ahead = Q(priced_at__gt=now + datetime.timedelta(days=1))
    products.filter(ahead | Q(priced_at__lt=BETWEEN[0])).update(priced_at=now)


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL does not alter a table whose rows the same transaction has changed

    dependencies = [("catalogue", "0005_unsent_bumps")]

    operations = [
        migrations.RunPython(repair, migrations.RunPython.noop),
        migrations.AddConstraint(
            "product",
            models.CheckConstraint(condition=Q(priced_at__range=BETWEEN), name="priced_at_is_plausible"),
        ),
    ]
