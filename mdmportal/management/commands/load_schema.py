"""Compiles a newer release of Apple's schema, and puts it in force.

It is kept in the operator's own folder, with Apple's descriptions; where the portal has
its own, those are shown.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mdmportal.catalogue import compiler, differences, files


class Command(BaseCommand):
    help = (
        "Compiles a checkout of github.com/apple/device-management, says what is new, "
        "gone or changed, and keeps it. The portal reads it when it is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--release", required=True, help='such as "iOS 26.0"')
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change; keep nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = compiler.compile_schema(
                options["folder"], release=options["release"]
            )
            files.check(made.commands)
        except (compiler.SchemaError, files.Broken) as problem:
            raise CommandError(str(problem)) from problem
        lines = list(differences.told(_before(), made.commands))
        for line in lines or ["Nothing differs from what is in force."]:
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write("Nothing was kept.")
            return
        try:
            kept = [files.keep(name, text) for name, text in made.texts().items()]
        except OSError as problem:
            raise CommandError(
                f"{problem}. Set MDM_CATALOGUE to a folder that can be written."
            ) from problem
        self.stdout.write(f"Kept in {kept[0].parent}. Restart the portal to use it.")


def _before() -> dict[str, Any]:
    """Return what is in force; a broken file is not."""
    try:
        loaded = files.kept(files.COMMANDS)
        if loaded is not None:
            files.check(loaded)
            return loaded
    except files.Broken:
        pass
    return files.built_in(files.COMMANDS)
