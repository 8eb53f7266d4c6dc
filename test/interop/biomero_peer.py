"""Runs commands of the real BIOMERO tracker, as a site's Python worker would, and prints what it then sees.

Input, as JSON on standard input: {"url", "listeners": bool, "project": bool, "commands": [[method, [arguments]]],
"read": {"workflow", "tasks"}}. An argument {"result": n} stands for what command n returned, {"uuid": text} for a
UUID, {"json": text} for what the text holds.
"""

import json
import os
import sys
from uuid import UUID

request = json.load(sys.stdin)
os.environ["SQLALCHEMY_URL"] = request["url"]
os.environ["PERSISTENCE_MODULE"] = "eventsourcing_sqlalchemy"

from biomero.database import EngineManager  # noqa: E402
from biomero.eventsourcing import WorkflowTracker  # noqa: E402
from biomero.views import JobAccounting, JobProgress, WorkflowAnalytics, WorkflowProgress  # noqa: E402
from eventsourcing.system import SingleThreadedRunner, System  # noqa: E402

listeners = [JobAccounting, JobProgress, WorkflowProgress, WorkflowAnalytics]
pipes = [[WorkflowTracker, listener] for listener in listeners] if request["listeners"] else [[WorkflowTracker]]
topic = EngineManager.create_scoped_session(sqlalchemy_url=request["url"])
runner = SingleThreadedRunner(
    System(pipes=pipes),
    env={"SQLALCHEMY_SCOPED_SESSION_TOPIC": topic, "PERSISTENCE_MODULE": "eventsourcing_sqlalchemy"},
)
runner.start()
tracker = runner.get(WorkflowTracker)


class Result:
    """The attributes of a Fabric result that BIOMERO stores."""

    def __init__(self, given):
        self.command, self.env, self.stdout, self.stderr = (given[k] for k in ("command", "env", "stdout", "stderr"))


results = []


def value(argument):
    if isinstance(argument, dict) and list(argument) == ["result"]:
        return UUID(results[argument["result"]])
    if isinstance(argument, dict) and list(argument) == ["uuid"]:
        return UUID(argument["uuid"])
    if isinstance(argument, dict) and list(argument) == ["json"]:
        return json.loads(argument["json"])
    return argument


for method, arguments in request["commands"]:
    arguments = [value(a) for a in arguments]
    if method == "add_result":
        arguments[1] = Result(arguments[1])
    answer = getattr(tracker, method)(*arguments)
    results.append(str(answer) if answer is not None else None)

if request["project"]:
    # Replays the log as BIOMERO does, but from before its first event: `start` is exclusive there.
    for listener in listeners:
        runner.get(listener).pull_and_process(leader_name=WorkflowTracker.__name__, start=None)
    EngineManager.commit()

seen = {}
for kind, ids in (("workflow", [request["read"]["workflow"]]), ("tasks", request["read"]["tasks"])):
    seen[kind] = []
    for one in ids:
        aggregate = tracker.repository.get(UUID(results[one] if isinstance(one, int) else one))
        fields = {k: v for k, v in aggregate.__dict__.items() if not k.startswith("_")}
        seen[kind].append({"version": aggregate.version, "repr": repr(fields.get("params")), **fields})

print(json.dumps({"results": results, "seen": seen}, default=str))
