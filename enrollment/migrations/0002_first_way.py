"""The first way in is there from the start: what is missing is a push certificate."""

from django.db import migrations


def add(apps, schema_editor):
    ways = apps.get_model("enrollment", "EnrollmentProfile")
    ways.objects.create(
        name="Devices of the organisation",
        description="Your device will be managed by the organisation.",
    )


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
