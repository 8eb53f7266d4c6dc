"""Makes src/omero/ice/golden.json: messages as ZeroC's own runtime (Debian's python3-zeroc-ice) writes them.

Requests are recorded from an Ice client, replies from an Ice server; encoding 1.0. Run by hand after a change of the
schema: /usr/bin/python3 test/interop/make_golden.py

--print   prints the file instead of writing it
--every   prints messages of every operation and exception of the schema, with sample values, instead
"""

import json
import os
import socket
import struct
import sys
import threading

import Ice
from slice_from_schema import HERE, communicator_with, load

schema = load()
import gen  # noqa: E402
import omero  # noqa: E402
import omero.model as model  # noqa: E402
import omero.sys as osys  # noqa: E402

VALIDATE = b"IceP\x01\x00\x01\x00\x03\x00" + struct.pack("<i", 14)


def members_of(kind, type_id):
    line = []
    while type_id in schema[kind]:
        line.insert(0, schema[kind][type_id]["members"])
        type_id = schema[kind][type_id].get("base")
    return {name: t for members in line for name, t in members.items()}


def member(value, name):
    """Python's own words get an underscore in front."""
    return getattr(value, name) if hasattr(value, name) else getattr(value, "_" + name)


def class_of(type_id):
    *modules, name = type_id.strip(":").split("::")
    found = sys.modules[modules[0]]
    for part in modules[1:]:
        found = getattr(found, part)
    return getattr(found, name)


def filled(target, members, depth):
    for name, t in members.items():
        setattr(target, name if hasattr(target, name) else "_" + name, sample(t, depth))
    return target


def sample(text, depth=2):
    """Some value of a type; an instance holds others down to the depth."""
    simple = {"bool": True, "byte": 200, "short": -2, "int": 2**31 - 1, "long": -(2**40), "float": 0.5, "double": -0.25}
    if text in simple:
        return simple[text]
    if text == "string":
        return f"Größe {depth} 細胞"
    if text == "bytes":
        return bytes([0, 255, depth])
    if text == "enum":
        return gen.Enumeration.value3
    if text == "*" or (depth == 0 and (text == "@" or text.startswith("::"))):
        return None
    if text == "@" or text not in schema["classes"] and text.startswith("::"):
        return rlong(depth)
    if text.startswith("::"):
        return filled(class_of(text)(), members_of("classes", text), depth - 1)
    if text.startswith("["):
        return [sample(text[1:-1], depth), sample(text[1:-1], 0)]
    key, element = text[1:-1].split(":", 1)
    return {sample(key, depth): sample(element, depth)}


def every_request():
    for iface, data in schema["interfaces"].items():
        for operation, o in data["operations"].items():
            yield (operation, iface, operation, [sample(t) for t in o["in"]], {"omero.group": "-1"}, False)


def every_reply():
    for iface, data in schema["interfaces"].items():
        for operation, o in data["operations"].items():
            yield (operation, iface, operation, "proxy" if o["out"] == "*" else sample(o["out"]) if o["out"] else None)
    for type_id in schema["exceptions"]:
        if not issubclass(class_of(type_id), Ice.UserException):
            continue  # Glacier2's Python package has one that it cannot throw itself.
        thrown = filled(class_of(type_id)(), members_of("exceptions", type_id), 1)
        place = ("Router", "createSession") if "Glacier2" in type_id else ("IUpdate", "deleteObject")
        yield (type_id, *place, thrown)


def plain(value, text, seen):
    """A value in the form of golden.json; an instance met again is a `$ref` to its `$id`."""
    if value is None:
        # The runtime writes a sequence or dictionary that is None as an empty one.
        return [] if text.startswith("[") else {"$map": []} if text.startswith("{") else None
    if text == "bytes":
        return {"$bytes": bytes(value).hex()}
    if text == "enum":
        return value.value
    if text == "long" and abs(value) > 2**53 - 1:
        return {"$long": str(value)}
    if text == "*":
        identity = value.ice_getIdentity()
        return {"$proxy": {"category": identity.category, "name": identity.name, "facet": value.ice_getFacet()}}
    if text == "@" or text.startswith("::"):
        if id(value) in seen:
            return {"$ref": seen[id(value)]}
        seen[id(value)] = len(seen) + 1
        members = members_of("classes", value.ice_id())
        own = {name: plain(member(value, name), t, seen) for name, t in members.items()}
        return {"$type": value.ice_id(), "$id": seen[id(value)], **own}
    if text.startswith("["):
        return [plain(v, text[1:-1], seen) for v in value]
    if text.startswith("{"):
        key, element = text[1:-1].split(":", 1)
        return {"$map": [[plain(k, key, seen), plain(v, element, seen)] for k, v in value.items()]}
    return value


def read_message(connection):
    data = b""
    while len(data) < 14 or len(data) < struct.unpack_from("<i", data, 10)[0]:
        chunk = connection.recv(65536)
        if not chunk:
            raise EOFError
        data += chunk
    return data


def rlong(v):
    return omero.RLong(v)


def rstring(v):
    return omero.RString(v)


def dataset():
    return model.Dataset(id=rlong(51), loaded=True, name=rstring("Größe µm 細胞"), description=None)


def annotation_link():
    child = model.MapAnnotation(
        ns=rstring("biomero.workflow"),
        loaded=True,
        mapValue=[model.NamedValue("Workflow", "nuclei"), model.NamedValue("Workflow", "twice")],
    )
    return model.ImageAnnotationLink(parent=model.Image(id=rlong(7), loaded=False), child=child, loaded=True)


def plate():
    return model.Plate(wellOriginX=model.Length(1.5, gen.Enumeration.value36), loaded=True)


def cycle():
    event = model.Event(id=rlong(1), loaded=True)
    session = model.Session(id=rlong(2), uuid=rstring("u"), eventsSeq=[event, event], eventsLoaded=True, loaded=True)
    event.session = session
    event.containingEvent = event
    return session


def requests():
    context = {"omero.group": "-1"}
    parameters = osys.Parameters(map={"id": rlong(2**40)}, theFilter=None, theOptions=None)
    principal = osys.Principal(name="alice", group="lab", eventType="User", umask=None)
    return [
        ("no parameters", "IConfig", "getVersion", [], {}, True),
        ("a string, a context", "IConfig", "getConfigValue", ["omero.data.dir"], context, True),
        ("a string of 300 bytes", "IConfig", "getConfigValue", ["x" * 300], {}, True),
        ("two strings", "Router", "createSession", ["root", "pässword"], {}, True),
        ("long, int", "RawFileStore", "read", [-(2**63), 2**31 - 1], {}, True),
        ("bytes", "RawFileStore", "write", [bytes(range(256)), 0, 256], {}, True),
        ("a null instance", "IUpdate", "saveObject", [None], {}, True),
        ("one instance", "IUpdate", "saveObject", [model.ChecksumAlgorithm(loaded=True)], {}, True),
        ("a query", "IQuery", "projection", ["select 1", parameters], context, True),
        ("a principal", "ISession", "createSessionWithTimeouts", [principal, 0, 600000], {}, True),
        ("a dataset", "IUpdate", "saveAndReturnObject", [dataset()], context, False),
        ("a link with a map annotation", "IUpdate", "saveAndReturnIds", [[annotation_link()]], {}, False),
        ("a cycle", "IUpdate", "saveObject", [cycle()], {}, False),
        ("an enumerator", "IUpdate", "saveObject", [plate()], {}, False),
        ("null proxy", "ServiceFactory", "keepAlive", [None], {}, True),
    ]


def replies():
    validation = omero.ValidationException("trace", "ome.conditions.ValidationException", "No row [Dataset#200]")
    paths = omero.FilePathNamingException("t", "c", "m", "a:b", [58], [], ["."], ["con"])
    context = osys.EventContext(
        sessionId=3, sessionUuid="u-1", userId=2, userName="alice", groupId=4, groupName="lab", isAdmin=False,
        memberOfGroups=[4, 1], leaderOfGroups=[], adminPrivileges=["Sudo"], sudoerId=rlong(0), sudoerName=None,
    )  # fmt: skip
    return [
        ("a string", "IConfig", "getVersion", "5.6.14-ice36"),
        ("void", "IUpdate", "saveObject", None),
        ("a bool", "RawFileStore", "exists", True),
        ("longs", "IUpdate", "saveAndReturnIds", [1, 2**53, -1]),
        ("rows", "IQuery", "projection", [[rlong(1), rstring("a"), None], [omero.RBool(True), omero.RTime(0), omero.RDouble(0.5)]]),
        ("a dataset", "IUpdate", "saveAndReturnObject", dataset()),
        ("a cycle", "IUpdate", "saveAndReturnObject", cycle()),
        ("an event context", "IAdmin", "getEventContext", context),
        ("a dictionary", "IConfig", "getConfigValues", {"a": "1"}),
        ("bytes", "RawFileStore", "read", bytes([0, 255, 128])),
        ("an exception", "IUpdate", "deleteObject", validation),
        ("an exception with sequences", "IUpdate", "saveArray", paths),
        ("a proxy", "ServiceFactory", "getQueryService", "proxy"),
    ]


ENDPOINT = "tcp -h 127.0.0.1"


def proxy_class(iface):
    return class_of(schema["interfaces"][iface]["type"] + "Prx")


def servant_class(iface):
    return class_of(schema["interfaces"][iface]["type"])


def operation_of(iface, operation):
    data = schema["interfaces"][iface]
    if operation in data["operations"]:
        return data["operations"][operation]
    for base in data.get("extends", []):
        found = operation_of(base, operation)
        if found:
            return found
    return None


def record_request(communicator, iface, operation, args, context):
    listener = socket.create_server(("127.0.0.1", 0))
    taken = []

    def take():
        connection, _ = listener.accept()
        connection.sendall(VALIDATE)
        taken.append(read_message(connection))
        connection.close()

    thread = threading.Thread(target=take)
    thread.start()
    port = listener.getsockname()[1]
    proxy = proxy_class(iface).uncheckedCast(communicator.stringToProxy(f"category/name -f facet:{ENDPOINT} -p {port}"))
    # `-f` sets the proxy's facet; every vector has one.
    future = getattr(proxy, operation + "Async")(*args, context=context)
    thread.join(10)
    listener.close()
    future.cancel()
    return taken[0]


def record_reply(communicator, adapter, iface, operation, result):
    def answer(self, *args):
        if isinstance(result, Ice.UserException):
            raise result
        if result == "proxy":
            proxy = communicator.stringToProxy("session-1/query -f f:tcp -h 10.1.2.3 -p 4064")
            # Ice 3.7 gave it an optional out parameter, which encoding 1.0 leaves out.
            if operation == "getClientProxy":
                return (proxy, Ice.Unset)
            return class_of("::Glacier2::SessionPrx").uncheckedCast(proxy) if operation.startswith("createSession") else proxy
        return result

    servant = type("Servant", (servant_class(iface),), {operation: answer})()
    identity = communicator.stringToIdentity("category/name")
    adapter.add(servant, identity)
    shape = operation_of(iface, operation)
    args = b""
    for text in shape["in"]:
        empty = {"long": 8, "double": 8, "short": 2, "*": 2, "string": 1, "bytes": 1, "bool": 1, "byte": 1, "enum": 1}
        args += bytes(1 if text[0] in "[{" else empty.get(text, 4))
    if any("@" in t or "::" in t for t in shape["in"]):
        args += b"\0"
    mode = 2 if shape.get("idempotent") else 0
    body = struct.pack("<i", 9) + b"\4name\10category\0" + bytes([len(operation)]) + operation.encode()
    body += bytes([mode]) + b"\0" + struct.pack("<i", 6 + len(args)) + b"\1\0" + args
    port = adapter.getEndpoints()[0].getInfo().port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        read_message(connection)
        connection.sendall(b"IceP\1\0\1\0\0\0" + struct.pack("<i", 14 + len(body)) + body)
        message = read_message(connection)
    adapter.remove(identity)
    return message


def main():
    properties = Ice.createProperties()
    properties.setProperty("Ice.Default.EncodingVersion", "1.0")
    properties.setProperty("Ice.Default.Timeout", "5000")
    vectors = []
    every = "--every" in sys.argv
    with communicator_with(properties) as communicator:
        for name, iface, operation, args, context, exact in every_request() if every else requests():
            message = record_request(communicator, iface, operation, args, context)
            types = operation_of(iface, operation)["in"]
            seen = {}
            values = [plain(a, t, seen) for a, t in zip(args, types)]
            vectors.append(
                {"kind": "request", "name": name, "interface": iface, "operation": operation, "values": values}
                | {"context": context, "exact": exact, "hex": message.hex()}
            )
        adapter = communicator.createObjectAdapterWithEndpoints("golden", ENDPOINT)
        adapter.activate()
        for name, iface, operation, result in every_reply() if every else replies():
            message = record_reply(communicator, adapter, iface, operation, result)
            vector = {"kind": "reply", "name": name, "interface": iface, "operation": operation}
            if isinstance(result, Ice.UserException):
                type_id = result.ice_id()
                members = {n: plain(member(result, n), t, {}) for n, t in members_of("exceptions", type_id).items()}
                vector |= {"exception": type_id, "members": members}
            elif result == "proxy":
                vector |= {"value": {"$proxy": {"category": "session-1", "name": "query", "facet": "f"}}}
            else:
                vector |= {"value": plain(result, operation_of(iface, operation)["out"], {})}
            vectors.append(vector | {"hex": message.hex()})
    note = f"Made by test/interop/make_golden.py with ZeroC Ice {Ice.stringVersion()} for Python, encoding 1.0."
    text = json.dumps({"note": note, "vectors": vectors}, ensure_ascii=False, indent=None if every else 2) + "\n"
    if every or "--print" in sys.argv:
        return print(text, end="")
    with open(os.path.join(HERE, "..", "..", "src", "omero", "ice", "golden.json"), "w", encoding="utf-8") as file:
        file.write(text)


main()
