"""Reads what the Python importer reads of a plate, with the same zarr calls: read_peer.py PLATE. Prints seconds."""

import sys
import time

import zarr


def attributes(store, path=None):
    found = zarr.open(store=store, mode="r", path=path).attrs.asdict()
    return found.get("ome", found)


start = time.perf_counter()
store = zarr.storage.LocalStore(sys.argv[1], read_only=True)
fields = 0
for well in attributes(store)["plate"]["wells"]:
    for image in attributes(store, well["path"])["well"]["images"]:
        path = f"{well['path']}/{image['path']}/"
        dataset = attributes(store, path)["multiscales"][0]["datasets"][0]["path"]
        zarr.open(store=store, mode="r", path=f"{path.rstrip('/')}/{dataset}").shape
        fields += 1
print(time.perf_counter() - start, fields)
