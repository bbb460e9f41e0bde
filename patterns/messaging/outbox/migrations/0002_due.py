import uuid

import django.core.serializers.json
from django.apps import apps
from django.db import migrations, models

LABEL = apps.get_containing_app_config(__name__).label  # an index's name is global to its schema


class Migration(migrations.Migration):
    dependencies = [(LABEL, "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="outboxevent",
            name="event_id",
            field=models.UUIDField(default=uuid.uuid4, unique=True),
        ),
        migrations.AlterField(
            model_name="outboxevent",
            name="payload",
            field=models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder),
        ),
        migrations.RemoveIndex(model_name="outboxevent", name="outbox_waiting"),
        migrations.RemoveIndex(model_name="outboxevent", name="outbox_aggregate"),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("published_at", None)),
                fields=["aggregate", "id"],
                name=f"{LABEL}_due",
            ),
        ),
    ]
