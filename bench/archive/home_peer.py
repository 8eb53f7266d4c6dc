"""BIOMERO's steps for a job's results: 7z on the cluster, the zip by sftp, copy2 into the archive, extractall."""
import os
import shutil
import sys
import tempfile
import time
import zipfile

from fabric import Connection

port, key, folder = sys.argv[1:4]
connection = Connection(
    "127.0.0.1",
    user=os.environ.get("USER") or "root",
    port=int(port),
    connect_kwargs={"key_filename": key, "look_for_keys": False, "allow_agent": False},
)
connection.open()
started = time.perf_counter()
connection.run('7z a -y "1_out" -tzip "job/data/out"', hide=True)
with tempfile.TemporaryDirectory(dir=folder) as temporary:
    here = connection.get("1_out.zip", os.path.join(temporary, "1_out.zip")).local
    stored = shutil.copy2(here, os.path.join(folder, "1_out.zip"))
with zipfile.ZipFile(stored) as archive:
    archive.extractall(folder)
seconds = time.perf_counter() - started
connection.run('rm "1_out.zip"', hide=True)
print(seconds)
