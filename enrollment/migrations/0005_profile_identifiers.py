"""Devices that enrolled before keep the identifier of their profile, too."""

from django.db import migrations


def note(apps, schema_editor):
    stays = apps.get_model("devices", "Enrollment")
    for way in apps.get_model("enrollment", "EnrollmentProfile").objects.all():
        stays.objects.filter(
            identities__challenge__way=way, profile_identifier=""
        ).update(profile_identifier=f"org.mdmportal.enroll.{way.seed}")


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0004_moves")]
    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
