"""The incumbent's way with a zip: copy it with copy2 (unless told not to), then extractall; no checksums are kept."""
import os
import shutil
import sys
import time
import zipfile

how, source, folder = sys.argv[1:4]
started = time.perf_counter()
if how == "copy":
    source = shutil.copy2(source, os.path.join(folder, os.path.basename(source)))
with zipfile.ZipFile(source) as archive:
    archive.extractall(folder)
print(time.perf_counter() - started)
