"""One heartbeat a process instead of one a name. Old ones are worth nothing: every process beats again at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.DeleteModel(name="Heartbeat"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("host", models.CharField(max_length=120)),
                ("pid", models.PositiveIntegerField()),
                ("beat_at", models.DateTimeField()),
                ("started_at", models.DateTimeField()),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["name", "host", "pid"],
                "constraints": [
                    models.UniqueConstraint(fields=("name", "host", "pid"), name="one_heartbeat_a_process"),
                ],
            },
        ),
    ]
