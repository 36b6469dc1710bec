"""Console: manage.py of a portal, kept running, for starting it anew takes seconds."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

DRIVER = """
import base64, contextlib, io, json, sys, traceback
import django
django.setup()
from django.core.management import call_command
from django.db import connections

answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    out, problem = io.TextIOWrapper(io.BytesIO(), "utf-8"), ""
    try:
        with contextlib.redirect_stdout(out):
            call_command(*json.loads(line))
    except (Exception, SystemExit):
        problem = traceback.format_exc()
    out.flush()
    connections.close_all()
    said = base64.b64encode(out.buffer.getvalue()).decode()
    print(json.dumps([said, problem]), file=answers, flush=True)
"""


class Console:
    """One process that runs one management command after the other."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._lock = threading.Lock()
        self._log = (folder / "console.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def run(self, arguments: Sequence[str]) -> bytes:
        """Return what the command prints; RuntimeError if it fails."""
        process = self._process
        assert process.stdin
        assert process.stdout
        with self._lock:
            process.stdin.write(json.dumps(list(arguments)).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the console ended with {process.poll()}")
        said, problem = json.loads(line)
        if problem:
            raise RuntimeError(f"manage.py {arguments}:\n{problem}")
        return base64.b64decode(said)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()
