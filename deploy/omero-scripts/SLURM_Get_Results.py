#!/usr/bin/env python
"""Takes the place of BIOMERO's script of this name: hands a finished Slurm job over to biomero-bridge, which
uploads its results to OMERO, and waits until it says what became of them.

It needs nothing but Python 3.6 and OMERO's own modules. Address and token come from the files `url` and `token` in
/opt/omero/server/biomero-bridge, or from the variables BIOMERO_BRIDGE_URL and BIOMERO_BRIDGE_TOKEN_FILE.
"""

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid

import omero
import omero.model
import omero.rtypes
import omero.scripts as scripts
from omero.gateway import BlitzGateway
from omero.rtypes import rlong, robject, rstring

# Whether results are stored on the storage of the group; else they are uploaded.
IN_PLACE = False

# kind, whether it is wanted, its id, its name, whether another of the name may be made
DESTINATIONS = [
    ("Dataset", "Output - Add as new images in NEW dataset", "Dataset_ID", "New Dataset", "Allow duplicate?"),
]

# Where files may be attached: what wants it, the list of "id: name", and its kind
ZIP_TARGETS = [
    ("Output - Attach as zip to project?", "Project", "Project"),
    ("Output - Attach as zip to dataset?", "Dataset_Attach", "Dataset"),
    ("Output - Attach as zip to plate?", "Plate", "Plate"),
]
TABLE_TARGETS = [
    ("Attach table to dataset", "Dataset for table", "Dataset"),
    ("Attach table to plate", "Plate for table", "Plate"),
]
FILE_TARGETS = [
    ("Attach file outputs to dataset", "Dataset for file outputs", "Dataset"),
    ("Attach file outputs to plate", "Plate for file outputs", "Plate"),
]

# Asked for by these, and not done by biomero-bridge.
LEFT_OUT = ["ROI_Delete_Label_Images"]


def declare():
    """The parameters, with the names, types and defaults that SLURM_Run_Workflow.py counts on."""
    return scripts.client(
        "Slurm Get Results",
        "Brings the results of a finished Slurm job home through biomero-bridge.",
        scripts.Bool("Completed Job", optional=False, default=True),
        scripts.String("SLURM Job Id", optional=False, description="Id of the finished job"),
        scripts.String("workflow_uuid", optional=True),
        scripts.String("Task_ID", optional=True),
        scripts.String("Log_Fallback_Target", optional=True),
        scripts.List("ROI_Target_Image_IDs", optional=True).ofType(rlong(0)),
        scripts.Bool("Output - Attach as zip to project?", optional=False, default=True),
        scripts.List("Project", optional=True).ofType(rstring("")),
        scripts.Bool("Output - Attach as zip to dataset?", optional=False, default=False),
        scripts.List("Dataset_Attach", optional=True).ofType(rstring("")),
        scripts.Bool("Output - Attach as zip to plate?", optional=False, default=False),
        scripts.List("Plate", optional=True).ofType(rstring("")),
        scripts.Bool("Output - Add as attachment to original images", optional=False, default=True),
        scripts.Bool("Output - Add as new images in NEW dataset", optional=False, default=False),
        scripts.String("New Dataset", optional=True, default="My_Results"),
        scripts.Bool("Allow duplicate?", optional=True, default=True),
        scripts.Long("Dataset_ID", optional=True),
        scripts.Bool("Rename imported files?", optional=True, default=False),
        scripts.String("Rename", optional=True, default="{original_file}NucleiLabels.{ext}"),
        scripts.Bool("Output - Add csv files as OMERO.table", optional=False, default=False),
        scripts.Bool("Attach table to dataset", optional=True, default=True),
        scripts.List("Dataset for table", optional=True).ofType(rstring("")),
        scripts.Bool("Attach table to plate", optional=True, default=False),
        scripts.List("Plate for table", optional=True).ofType(rstring("")),
        scripts.Bool("Output - Attach non-image output files as annotations", optional=True, default=False),
        scripts.Bool("Attach file outputs to dataset", optional=True, default=True),
        scripts.List("Dataset for file outputs", optional=True).ofType(rstring("")),
        scripts.Bool("Attach file outputs to plate", optional=True, default=False),
        scripts.List("Plate for file outputs", optional=True).ofType(rstring("")),
        scripts.Bool("Create_ROIs", optional=True, default=False),
        scripts.String("ROI_Label_Pattern", optional=True, default=""),
        scripts.String("ROI_Shape", optional=True, default="Polygon", values=[rstring("Polygon"), rstring("Mask")]),
        scripts.Bool("ROI_Delete_Label_Images", optional=True, default=False),
        scripts.Bool("ROI_Clear_Existing", optional=True, default=False),
        scripts.String("ROI_Name_Prefix", optional=True, default=""),
        scripts.String("ROI_Color", optional=True, default=""),
        scripts.String("ROI_Clear_Filter", optional=True, default=""),
        scripts.Bool("Cleanup?", optional=True, default=True),
        version="1.0.0",
    )


# ---- what follows is the same in both scripts -----------------------------------------------------------------------

FOLDER = "/opt/omero/server/biomero-bridge"
POLL_SECONDS = float(os.environ.get("BIOMERO_BRIDGE_POLL_SECONDS", "5"))
# How long an address that does not answer is tried before a job is handed over; afterwards nothing is given up.
PATIENCE_SECONDS = float(os.environ.get("BIOMERO_BRIDGE_PATIENCE_SECONDS", "900"))
TRIAL_SECONDS = min(60.0, PATIENCE_SECONDS)


class Refused(Exception):
    """What people are told: what happened, and what to do."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was configured, and to no other."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


# No proxy either: the address is one of the same network.
OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def one_line(variable, name):
    """Of the file that `variable` names, else of the one in FOLDER: few variables reach a script in OMERO."""
    path = os.environ.get(variable + "_FILE") or os.path.join(FOLDER, name)
    try:
        with open(path) as file:
            text = file.read().strip()
    except (IOError, OSError) as error:
        remedy = "An administrator sets up biomero-bridge for OMERO's scripts."
        raise Refused("%s cannot be read (%s). %s" % (path, error.strerror, remedy))
    if not text or "\n" in text:
        raise Refused("%s does not hold one line. An administrator makes a token: biomero-bridge token create." % path)
    return text


def ask(method, path, body=None, patience=None):
    """The answer as a dict. Repeats while the other side is away, for `patience` seconds (None: without end)."""
    base = os.environ.get("BIOMERO_BRIDGE_URL") or one_line("BIOMERO_BRIDGE_URL", "url")
    request = urllib.request.Request(base.rstrip("/") + path, method=method)
    request.add_header("Authorization", "Bearer " + one_line("BIOMERO_BRIDGE_TOKEN", "token"))
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode("utf-8")
    began = time.time()
    while True:
        try:
            with OPENER.open(request, timeout=60) as response:
                return json.loads(response.read().decode("utf-8"))
        except urllib.error.HTTPError as error:
            refusal = problem_of(error)
            again = error.code in (429, 502, 503, 504)
        except (OSError, ValueError, http.client.HTTPException) as error:
            refusal = "biomero-bridge does not answer at %s: %s." % (base, getattr(error, "reason", error))
            again = True
        if not again or (patience is not None and time.time() - began > patience):
            raise Refused(refusal)
        print(refusal + " Trying again.")
        time.sleep(POLL_SECONDS)


def problem_of(error):
    try:
        said = json.loads(error.read().decode("utf-8"))
        return "%s %s" % (said["title"], said.get("detail", ""))
    except (ValueError, KeyError, TypeError, OSError):
        return "biomero-bridge answers with %s %s." % (error.code, error.reason)


def value(inputs, name, fallback=None):
    found = inputs.get(name)
    return fallback if found in (None, "") else found


def uuid_of(inputs, name):
    text = value(inputs, name)
    try:
        return None if text is None else str(uuid.UUID(str(text)))
    except ValueError:
        print("%s is no UUID, and is left out: %s" % (name, text))
        return None


def destination_of(conn, inputs, job):
    """Where the images go: what is named by id or name; None: biomero-bridge makes a dataset."""
    for kind, wanted, by_id, by_name, duplicates in DESTINATIONS:
        if not value(inputs, wanted, False):
            continue
        if value(inputs, by_id):
            return {"type": kind, "id": int(inputs[by_id])}
        name = value(inputs, by_name)
        if name is None:
            return None
        if not value(inputs, duplicates, False):
            mine = [o.getId() for o in conn.getObjects(kind, attributes={"name": name}) if o.canLink()]
            if mine:
                return {"type": kind, "id": int(mine[0])}
        made = omero.model.DatasetI() if kind == "Dataset" else omero.model.ScreenI()
        made.setName(rstring(name))
        workflow = value(inputs, "workflow_uuid", "unknown")
        made.setDescription(rstring("Images from SLURM job %s (Workflow %s)" % (job, workflow)))
        made = conn.getUpdateService().saveAndReturnObject(made, conn.SERVICE_OPTS)
        return {"type": kind, "id": int(made.getId().getValue())}
    return None


def targets_of(inputs, choices):
    """Objects that are chosen, as the lists of BIOMERO's web name them: "12: Name", or the bare id."""
    found = []
    for wanted, listed, kind in choices:
        for text in (value(inputs, listed, []) if value(inputs, wanted, False) else []):
            number = str(text).split(":")[0].strip()
            if number.isdigit():
                found.append({"type": kind, "id": int(number)})
            else:
                print("%s: '%s' names no %s, and is left out." % (listed, text, kind.lower()))
    return found


def delivery_of(inputs):
    """What is asked for beside the import of images."""
    imports = any(value(inputs, wanted, False) for _, wanted, _, _, _ in DESTINATIONS)
    there = ["destination"] if imports else []
    archives = targets_of(inputs, ZIP_TARGETS)
    tables, files = [], []
    if value(inputs, "Output - Add csv files as OMERO.table", False):
        tables = targets_of(inputs, TABLE_TARGETS) or there
    if value(inputs, "Output - Attach non-image output files as annotations", False):
        files = targets_of(inputs, FILE_TARGETS) or there
    kind, _, number = str(value(inputs, "Log_Fallback_Target", "")).partition(":")
    kinds = ("Project", "Dataset", "Plate", "Screen", "Image")
    fallback = [{"type": kind, "id": int(number)}] if kind in kinds and number.strip().isdigit() else []
    sources = None
    if value(inputs, "Output - Add as attachment to original images", False):
        sources = [int(number) for number in value(inputs, "ROI_Target_Image_IDs", [])]
    renames = imports and value(inputs, "Rename imported files?", False)
    return {
        "importImages": imports,
        "zip": archives,
        # Where whoever looks at the results finds it.
        "log": (archives or files or there or fallback)[:1],
        "tables": tables,
        "files": files,
        "sources": sources,
        "rename": value(inputs, "Rename") if renames else None,
        "rois": rois_of(inputs),
    }


def rois_of(inputs):
    """How label images become ROIs; None: they do not."""
    if not value(inputs, "Create_ROIs", False):
        return None
    color = value(inputs, "ROI_Color")
    if color is not None and not re.match("#[0-9A-Fa-f]{6}\\Z", color):
        print("ROI_Color: '%s' is not like #RRGGBB, and is left out." % color)
        color = None
    clears = value(inputs, "ROI_Clear_Existing", False)
    return {
        "sources": [int(number) for number in value(inputs, "ROI_Target_Image_IDs", [])],
        "pattern": value(inputs, "ROI_Label_Pattern"),
        "shape": value(inputs, "ROI_Shape", "Polygon").lower(),
        "prefix": value(inputs, "ROI_Name_Prefix", ""),
        "color": color,
        "clear": {"containing": value(inputs, "ROI_Clear_Filter", "")} if clears else None,
    }


def hand_over(conn, inputs):
    user = conn.getUser().getName()
    group = conn.getGroupFromContext().getName()
    if value(inputs, "Test_Write_Permissions_Only", False):
        found = ask("POST", "/api/imports/preflight", {"group": group, "user": user}, TRIAL_SECONDS)
        message = "Results of group '%s' can be stored at %s." % (found["group"], found["path"])
        return {"Message": rstring(message)}
    if not value(inputs, "Completed Job", True):
        return {"Message": rstring("Nothing was done: 'Completed Job' is off.")}
    text = str(value(inputs, "SLURM Job Id", "")).strip()
    if not text.isdigit():
        raise Refused("'%s' is no id of a Slurm job." % text)
    job = int(text)
    # Asked first, so that no empty dataset is left behind where nothing can be stored or nobody answers.
    if IN_PLACE:
        ask("POST", "/api/imports/preflight", {"group": group, "user": user}, PATIENCE_SECONDS)
    state = ask(
        "POST",
        "/api/imports",
        {
            "job": job,
            "workflow": uuid_of(inputs, "workflow_uuid"),
            "task": uuid_of(inputs, "Task_ID"),
            "destination": destination_of(conn, inputs, job),
            "delivery": delivery_of(inputs),
            "user": user,
            "group": group,
            "cleanup": bool(value(inputs, "Cleanup?", False)),
        },
        PATIENCE_SECONDS,
    )
    said = None
    while not state["finished"]:
        if state["message"] != said:
            said = state["message"]
            print(said)
        conn.keepAlive()
        time.sleep(POLL_SECONDS)
        state = ask("GET", "/api/imports/" + state["run"])
    return outputs_of(conn, inputs, state)


def outputs_of(conn, inputs, state):
    failed = state["state"] == "failed"
    words = [("FAILED: " if failed else "") + state["message"]]
    if failed and state["error"]:
        words.append("%s %s" % (state["error"]["message"], state["error"]["remedy"]))
    if state["archive"]:
        words.append("Archive: %s." % state["archive"])
    if state["imagesTotal"]:
        place = state["destination"]
        into = " in %s %s" % (place["type"], place["id"]) if place else ""
        words.append("%s of %s images%s." % (state["imagesFound"], state["imagesTotal"], into))
    delivered = state["delivered"] or {"files": [], "renamed": 0, "rois": 0, "notDone": []}
    words += told_of(delivered)
    left = [name for name in LEFT_OUT if value(inputs, "Create_ROIs", False) and value(inputs, name, False)]
    if left:
        words.append("Asked for, and not done by biomero-bridge: %s." % "; ".join(left))
    words.append("Details: %s of biomero-bridge's pages." % state["page"])
    outputs = {
        "Message": rstring(" ".join(words)),
        "Workflow_UUID": rstring(value(inputs, "workflow_uuid", state["run"])),
    }
    logs = [file for file in delivered["files"] if file["what"] == "log"]
    if logs:
        prefix = conn.getConfigService().getConfigValue("omero.client.web.host") or ""
        path = "%s/webclient/get_original_file/%s/" % (prefix.rstrip("/"), logs[0]["fileId"])
        outputs["URL"] = omero.rtypes.wrap({"type": "URL", "href": path, "title": "Log of the job"})
    others = [file for file in delivered["files"] if file["what"] != "log" and file["annotationId"]]
    if others:
        annotation = omero.model.FileAnnotationI(others[-1]["annotationId"], False)
        outputs["File_Annotation"] = robject(annotation)
    return outputs


def told_of(delivered):
    names = {"zip": "zip", "log": "log", "table": "OMERO.table", "file": "file", "image": "image on an original"}
    words = []
    counts = [(what, sum(file["what"] == what for file in delivered["files"])) for what in names]
    attached = ["%s %s%s" % (n, names[what], "s" if n > 1 and what != "image" else "") for what, n in counts if n]
    if attached:
        words.append("Attached: %s." % ", ".join(attached))
    if delivered["renamed"]:
        words.append("%s images renamed in OMERO." % delivered["renamed"])
    if delivered["rois"]:
        words.append("%s ROIs on original images." % delivered["rois"])
    return words + delivered["notDone"]


def main():
    client = declare()
    try:
        conn = BlitzGateway(client_obj=client)
        try:
            outputs = hand_over(conn, client.getInputs(unwrap=True))
        except Refused as refused:
            outputs = {"Message": rstring("FAILED: %s" % refused)}
        print(outputs["Message"].getValue())
        for name, output in outputs.items():
            client.setOutput(name, output)
    finally:
        client.closeSession()


if __name__ == "__main__":
    main()
