"""A recent view names its user: users live at the service that signs the tokens."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def copy_names(apps, schema_editor):
    users = apps.get_model("auth", "User").objects.filter(pk=OuterRef("user_id"))
    apps.get_model("catalogue", "RecentView").objects.update(name=Subquery(users.values("username")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0003_seen_events_by_age"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField("recentview", "name", models.CharField(max_length=150, default="")),
        migrations.RunPython(copy_names, migrations.RunPython.noop),
        migrations.RemoveConstraint("recentview", "one_recent_view_a_product"),
        migrations.RemoveIndex("recentview", "recent_views_of_a_user"),
        migrations.RemoveField("recentview", "user"),
        migrations.RenameField("recentview", "name", "user"),
        migrations.AlterField("recentview", "user", models.CharField(max_length=150)),
        migrations.AddConstraint(
            "recentview",
            models.UniqueConstraint(fields=["user", "product"], name="one_recent_view_a_product"),
        ),
        migrations.AddIndex(
            "recentview",
            models.Index(fields=["user", "-viewed_at"], name="recent_views_of_a_user"),
        ),
    ]
