"""ZeroC's own client, as OMERO's clients use it, against an OMERO server: signs in, asks, saves, provokes an error.

Arguments: HOST PORT USER PASSWORD DATASET. Prints what came back as JSON.
"""

import json
import sys
import uuid

import Ice
from slice_from_schema import communicator_with, load

load()
import Glacier2  # noqa: E402
import omero  # noqa: E402
import omero.api as api  # noqa: E402
import omero.model as model  # noqa: E402
import omero.sys as osys  # noqa: E402


def link_with_pairs(dataset, pairs):
    values = [model.NamedValue(k, v) for k, v in pairs]
    child = model.MapAnnotation(ns=omero.RString("zeroc.client"), mapValue=values, loaded=True)
    parent = model.Dataset(id=omero.RLong(dataset), loaded=False)
    return model.DatasetAnnotationLink(parent=parent, child=child, loaded=True)


def main(host, port, user, password, dataset):
    properties = Ice.createProperties()
    properties.setProperty("Ice.Default.EncodingVersion", "1.0")
    properties.setProperty("Ice.ImplicitContext", "Shared")
    properties.setProperty("Ice.MessageSizeMax", "250000")
    with communicator_with(properties) as communicator:
        router = communicator.stringToProxy(f"OMERO.Glacier2/router:tcp -h {host} -p {port}")
        router = Glacier2.RouterPrx.checkedCast(router)
        communicator.setDefaultRouter(router)
        communicator.getImplicitContext().put("omero.client.uuid", str(uuid.uuid4()))
        try:
            router.createSession(user, "wrong")
            refused = None
        except Glacier2.PermissionDeniedException as error:
            refused = error.reason
        factory = api.ServiceFactoryPrx.checkedCast(router.createSession(user, password))
        query = api.IQueryPrx.checkedCast(factory.getQueryService())
        update = api.IUpdatePrx.checkedCast(factory.getUpdateService())
        ids = omero.RList([omero.RLong(int(dataset))])
        parameters = osys.Parameters(map={"ids": ids}, theFilter=None, theOptions=None)
        pairs = [["k", "µ"], ["k", ""], ["another", "細胞"]]
        saved = update.saveAndReturnIds([link_with_pairs(int(dataset), pairs)])
        found = query.get("Dataset", int(dataset), {"omero.group": "-1"})
        try:
            update.saveObject(link_with_pairs(987654321, pairs))
            gone = None
        except omero.ServerError as error:
            gone = [type(error).__name__, error.message]
        try:
            query.projection("this is no query", parameters, {"omero.group": "-1"})
            nonsense = None
        except omero.ServerError as error:
            nonsense = type(error).__name__
        print(
            json.dumps(
                {
                    "runtime": Ice.stringVersion(),
                    "refused": refused,
                    "version": api.IConfigPrx.checkedCast(factory.getConfigService()).getVersion(),
                    "saved": saved,
                    "dataset": found.name.val,
                    "gone": gone,
                    "nonsense": nonsense,
                }
            )
        )
        try:
            router.destroySession()
        except Ice.ConnectionLostException:
            pass  # The router ends the connection with the session.


main(*sys.argv[1:])
