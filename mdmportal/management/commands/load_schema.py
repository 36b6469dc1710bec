"""Compiles a newer release of Apple's schema into the catalogue."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mdmportal import catalogue
from mdmportal.catalogue import compiler


class Command(BaseCommand):
    help = "Compiles a checkout of github.com/apple/device-management."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--release", required=True, help='such as "iOS 18.1"')

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(catalogue.__file__).with_name("commands.json")
        try:
            compiler.write(options["folder"], target, release=options["release"])
        except compiler.SchemaError as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"Written to {target}. Restart the portal to use it.")
