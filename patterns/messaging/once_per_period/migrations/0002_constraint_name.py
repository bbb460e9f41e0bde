from django.apps import apps
from django.db import migrations, models

LABEL = apps.get_containing_app_config(__name__).label  # a name is global to its schema


class Migration(migrations.Migration):
    dependencies = [(LABEL, "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="period", name="one_row_per_period"),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.UniqueConstraint(
                fields=["name", "begins_at"], name=f"{LABEL}_one_row_per_period"
            ),
        ),
    ]
