"""Writes an enrollment profile for one device."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enrollment import profiles
from enrollment.models import EnrollmentProfile


class Command(BaseCommand):
    help = "Writes a fresh .mobileconfig, good for one device, to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--way", metavar="CODE", help="code of the way in")

    def handle(self, *args: Any, **options: Any) -> None:
        ways = EnrollmentProfile.objects.filter(is_enabled=True)
        if options["way"]:
            ways = ways.filter(code=options["way"])
        way = ways.order_by("pk").first()
        if way is None:
            raise CommandError("there is no such way in, or it is disabled")
        try:
            profile = profiles.make(way)
        except profiles.NotReady as problem:
            raise CommandError(str(problem)) from problem
        sys.stdout.buffer.write(profile)
