"""Follows jobs as the Python worker does: a connection and a loop for each, with one sacct and one tail every 10 s.

Arguments: ssh configuration, seconds to run (0: until all have ended), job ids. Prints what it did as JSON.
"""

import json
import resource
import sys
import threading
import time

from fabric import Config, Connection

config_file, seconds, ids = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
began = time.time()
commands = 0
noticed = {}
lock = threading.Lock()


def follow(job):
    global commands
    connection = Connection("cluster", config=Config(runtime_ssh_path=config_file))
    while not seconds or time.time() - began < seconds:
        answer = connection.run(f"sacct -n -o JobId,State,End -X -j {job}", hide=True, warn=True)
        connection.run(f'tail -n 10 "omero-{job}.log" | strings', hide=True, warn=True)
        with lock:
            commands += 2
        if any(word in answer.stdout for word in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")):
            noticed[job] = time.time()
            break
        time.sleep(10)
    connection.close()


threads = [threading.Thread(target=follow, args=(job,)) for job in ids]
for index, thread in enumerate(threads):
    thread.start()
    # Not all at once: sshd refuses a rush of new connections.
    time.sleep(10 / len(threads))
for thread in threads:
    thread.join()
usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(u.ru_utime + u.ru_stime for u in usage)
print(json.dumps({"cpu": cpu, "seconds": time.time() - began, "commands": commands, "noticed": noticed}))
