from django.apps import apps
from django.db import migrations, models

LABEL = apps.get_containing_app_config(__name__).label  # a name is global to its schema


class Migration(migrations.Migration):
    dependencies = [(LABEL, "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="inbox", name="one_row_per_message"),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.UniqueConstraint(
                fields=["consumer", "message_id"], name=f"{LABEL}_one_row_per_message"
            ),
        ),
    ]
