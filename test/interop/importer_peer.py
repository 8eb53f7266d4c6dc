"""The real BIOMERO.importer's ledger, as its own producers and readers use it.

Input, as JSON on standard input: {"url", "migrate": bool, "log": [[order, stage]], "read": [uuid]}. Its package cannot be
imported whole without OMERO's client: only the ledger's modules are.
"""

import importlib.util
import json
import os
import sys
import types

request = json.load(sys.stdin)
os.environ["INGEST_TRACKING_DB_URL"] = request["url"]
folder = importlib.util.find_spec("biomero_importer").submodule_search_locations[0]
for name, path in (("biomero_importer", folder), ("biomero_importer.utils", folder + "/utils")):
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package

from biomero_importer.utils import ingest_tracker as ledger  # noqa: E402

if not ledger.initialize_ingest_tracker({"ingest_tracking_db": request["url"]}):
    sys.exit("the ledger was not initialized")
if request["migrate"]:
    from biomero_importer.db_migrate import run_migrations_on_startup

    run_migrations_on_startup()

logged = [ledger.log_ingestion_step(order, stage) for order, stage in request["log"]]
seen = []
with ledger.get_ingest_tracker().Session() as session:
    for uuid in request["read"]:
        entries = session.query(ledger.IngestionTracking).filter_by(uuid=uuid).order_by(ledger.IngestionTracking.id)
        # As the import script of biomero-scripts finds where an order stands.
        latest = (
            session.query(ledger.IngestionTracking)
            .filter_by(uuid=uuid)
            .order_by(ledger.IngestionTracking.timestamp.desc())
            .first()
        )
        seen.append(
            {
                "stages": [e.stage for e in entries],
                "files": [e.files for e in entries],
                "fileNames": [e.file_names for e in entries],
                "latest": latest.stage,
                "description": latest.description,
            }
        )
print(json.dumps({"logged": logged, "seen": seen}))
