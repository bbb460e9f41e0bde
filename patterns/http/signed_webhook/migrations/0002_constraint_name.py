from django.apps import apps
from django.db import migrations, models

# names of constraints are global to a PostgreSQL schema, and a copy may have another label
LABEL = apps.get_containing_app_config(__name__).label


class Migration(migrations.Migration):
    dependencies = [(LABEL, "0001_initial")]

    operations = [
        migrations.RemoveConstraint("receivedevent", "one_row_per_event"),
        migrations.AddConstraint(
            "receivedevent",
            models.UniqueConstraint(
                fields=["source", "event_id"], name=f"{LABEL}_one_row_per_event"
            ),
        ),
    ]
