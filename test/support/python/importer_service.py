"""The real BIOMERO.importer service, whole, with OMERO's Python client replaced by stand-ins that always succeed.

Environment: STUB_SECONDS is what one import costs (a sleep), STUB_COUNTS a file that gets one line for every session
opened and every import made; STUB_IMPORT, as JSON, a program that really imports, with its first arguments, and
STUB_IMPORT_USER the uid and gid that it runs as. Everything else is the service's own: settings from config/settings.yml below the working
directory, OMERO_* and INGEST_TRACKING_DB_URL.
"""

import importlib.abc
import importlib.machinery
import json
import os
import subprocess
import sys
import time
import types
from unittest.mock import MagicMock

stubbed = ("omero", "omero_version", "ezomero", "zarr", "numpy")
seconds = float(os.environ.get("STUB_SECONDS", "0"))
counts = os.environ.get("STUB_COUNTS")


def count(what):
    if counts:
        with open(counts, "a") as file:
            file.write(what + "\n")


class Anything(types.ModuleType):
    """A module that has every name; classes where something may be subclassed, mocks elsewhere."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = type(name, (), {}) if name[0].isupper() and name != "Parameters" else MagicMock(name=name)
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in stubbed:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = Anything(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Finder())


class BlitzGateway(MagicMock):
    """Connects at once, as whomever one likes."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def _get_child_mock(self, **kwargs):
        return MagicMock(**kwargs)

    def connect(self, *args, **kwargs):
        count("session")
        return True

    def suConn(self, *args, **kwargs):
        count("session")
        return BlitzGateway()


import ezomero  # noqa: E402
import omero.gateway  # noqa: E402

omero.gateway.BlitzGateway = BlitzGateway
images = iter(range(1, 1 << 40))


program = json.loads(os.environ.get("STUB_IMPORT", "null"))
user = [int(n) for n in os.environ["STUB_IMPORT_USER"].split(":")] if os.environ.get("STUB_IMPORT_USER") else None


def ezimport(*args, target=None, dataset=None, **kwargs):
    count("import")
    time.sleep(seconds)
    if program:
        as_user = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        command = [*program, "-d", str(dataset), "--transfer", "ln_s", target]
        if subprocess.run(command, stdout=subprocess.DEVNULL, cwd="/", **as_user).returncode:
            return None
    return [next(images)]


ezomero.ezimport = ezimport
ezomero.get_group_id = lambda *args, **kwargs: 3
ezomero.post_map_annotation = lambda *args, **kwargs: 1

from biomero_importer.main import main  # noqa: E402

main()
