"""The container command that the real BIOMERO.importer makes of an order.

Input, as JSON on standard input: {"order": {...}, "files": [path]}. OMERO's client is not needed for it, and is replaced by
empty modules.
"""

import importlib.util
import json
import os
import sys
import types
from unittest.mock import MagicMock

request = json.load(sys.stdin)
os.environ.setdefault("INGEST_TRACKING_DB_URL", "sqlite://")
for name in (
    "ezomero omero omero.gateway omero.rtypes omero.cli omero.plugins omero.plugins.sessions omero.plugins.import "
    "omero.model omero.sys"
).split():
    sys.modules[name] = MagicMock()
folder = importlib.util.find_spec("biomero_importer").submodule_search_locations[0]
for name, path in (("biomero_importer", folder), ("biomero_importer.utils", folder + "/utils")):
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package

from biomero_importer.utils.importer import DataProcessor  # noqa: E402

processor = DataProcessor(request["order"])
print(json.dumps([processor.build_podman_command(path)[0] for path in request["files"]]))
