"""ZeroC's side of the comparison, as client-main.ts: CASE PORT COUNT; prints its figures as JSON."""

import json
import os
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "interop"))
import Ice
from slice_from_schema import communicator_with, load

load()
import Glacier2
import omero
import omero.api as api
import omero.model as model
import omero.sys as osys

case, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def link(i):
    pairs = [model.NamedValue(f"key {k}", f"value {k} of image {i}") for k in range(10)]
    child = model.MapAnnotation(ns=omero.RString("biomero.workflow"), mapValue=pairs, loaded=True)
    parent = model.Image(id=omero.RLong(i + 1), loaded=False)
    return model.ImageAnnotationLink(parent=parent, child=child, loaded=True)


def save(factory, many):
    update = api.IUpdatePrx.uncheckedCast(factory.getUpdateService())
    assert update.saveAndReturnIds([link(i) for i in range(many)]) == [10] * many


def read(factory, many):
    query = api.IQueryPrx.uncheckedCast(factory.getQueryService())
    assert len(query.projection(f"rows {many}", osys.Parameters(map={}))) == many


def measure(factory):
    ask = api.IConfigPrx.uncheckedCast(factory.getConfigService())
    if case in ("latency", "in-flight"):
        for _ in range(200):
            ask.getConfigValue("omero.data.dir")
    started = time.perf_counter()
    if case == "latency":
        each = []
        for _ in range(count):
            begun = time.perf_counter()
            ask.getConfigValue("omero.data.dir")
            each.append((time.perf_counter() - begun) * 1000)
        return {"each": each}
    if case == "in-flight":
        waiting = []
        for _ in range(count):
            waiting.append(ask.getConfigValueAsync("omero.data.dir"))
            if len(waiting) >= 64:
                waiting.pop(0).result()
        for future in waiting:
            future.result()
    elif case in ("links", "rows"):
        work = save if case == "links" else read
        for _ in range(3):
            work(factory, count // 4)
        started = time.perf_counter()
        work(factory, count)
    elif case == "once":
        read(factory, count)
    else:
        return {}
    return {"seconds": time.perf_counter() - started}


properties = Ice.createProperties()
properties.setProperty("Ice.Default.EncodingVersion", "1.0")
properties.setProperty("Ice.ImplicitContext", "Shared")
properties.setProperty("Ice.MessageSizeMax", "250000")
with communicator_with(properties) as communicator:
    router = Glacier2.RouterPrx.uncheckedCast(
        communicator.stringToProxy(f"OMERO.Glacier2/router:tcp -h 127.0.0.1 -p {port}")
    )
    communicator.setDefaultRouter(router)
    communicator.getImplicitContext().put("omero.client.uuid", str(uuid.uuid4()))
    print(json.dumps(measure(api.ServiceFactoryPrx.uncheckedCast(router.createSession("me", "secret")))))
