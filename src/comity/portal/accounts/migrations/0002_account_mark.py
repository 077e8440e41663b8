"""A pseudonym for each account."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="mark",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
    ]
