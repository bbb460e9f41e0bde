from django.apps import apps
from django.db import migrations, models

# names of constraints are global to a PostgreSQL schema, and a copy may have another label
LABEL = apps.get_containing_app_config(__name__).label


class Migration(migrations.Migration):
    dependencies = [(LABEL, "0001_initial")]

    operations = [
        migrations.AddField("storedanswer", "headers", models.JSONField(default=dict)),
        migrations.RemoveConstraint("storedanswer", "one_answer_per_key"),
        migrations.AddConstraint(
            "storedanswer",
            models.UniqueConstraint(fields=["scope", "key"], name=f"{LABEL}_one_answer_per_key"),
        ),
    ]
