"""What BIOMERO itself reads from slurm-config.ini: cases on standard input, its client's arguments on standard output."""

import json
import logging
import os
import sys
import tempfile

from biomero.slurm_client import SlurmClient

logging.disable(logging.CRITICAL)


class Captured(SlurmClient):
    """Keeps what from_config would build a client with; connects to nothing."""

    given = {}

    def __init__(self, **arguments):
        Captured.given = arguments


def read(case):
    for name in list(os.environ):
        if name.startswith(("BIOMERO_", "GPU_", "SQLALCHEMY_")):
            del os.environ[name]
    os.environ.update(case["env"])
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        file.write(case["ini"])
        file.flush()
        try:
            Captured.from_config(file.name)
            return Captured.given
        except Exception as error:
            return {"refused": f"{type(error).__name__}: {error}"}


# So that only the file of the case is read.
os.environ["HOME"] = tempfile.mkdtemp()
json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
