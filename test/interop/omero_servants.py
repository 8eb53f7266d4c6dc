"""A few of OMERO's services on ZeroC's own runtime, behind a Glacier2 router: they give back what they are given.

Arguments: the version to answer with, then one Ice property (`name=value`) each. Prints "ready PORT" when it listens; ends when stdin ends.
"""

import sys
import time
import uuid

import Ice
from slice_from_schema import communicator_with, load

load()
import Glacier2  # noqa: E402
import omero  # noqa: E402
import omero.api  # noqa: E402
import omero.sys as osys  # noqa: E402


# Users by the key of their session; sessions outlive the router, as OMERO's do.
SESSIONS = {}


class Verifier(Glacier2.PermissionsVerifier):
    def checkPermissions(self, user, password, current=None):
        allowed = password == "secret" or (user == password and user in SESSIONS)
        return (allowed, "" if allowed else "wrong password")


class Config(omero.api.IConfig):
    def getVersion(self, current=None):
        return VERSION

    def getConfigValue(self, key, current=None):
        if key.startswith("sleep:"):
            time.sleep(float(key[6:]))
        return current.ctx.get(key, key)



class Update(omero.api.IUpdate):
    def saveAndReturnObject(self, obj, current=None):
        return obj

    def saveAndReturnArray(self, graph, current=None):
        return graph

    def saveAndReturnIds(self, graph, current=None):
        return [len(link.child.mapValue) for link in graph]

    def saveArray(self, graph, current=None):
        time.sleep(5)

    def saveObject(self, obj, current=None):
        message = "No row with the given identifier exists: [ome.model.containers.Dataset#200]"
        raise omero.ValidationException("trace", "ome.conditions.ValidationException", message)


class Query(omero.api.IQuery):
    def projection(self, query, params, current=None):
        if query.startswith("rows "):
            count = int(query[5:])
            return [[omero.RLong(i), omero.RString(f"image {i}.ome.tiff"), omero.RDouble(i / 4)] for i in range(count)]
        return [[value] for value in params.map.values()]


class Admin(omero.api.IAdmin):
    def __init__(self, key):
        self.key = key

    def getEventContext(self, current=None):
        context = osys.EventContext(sessionId=3, userId=2, groupId=4, memberOfGroups=[4], leaderOfGroups=[])
        context.sessionUuid, context.userName, context.groupName = self.key, SESSIONS[self.key], "lab"
        return context


class Sessions(omero.api.ISession):
    def closeSession(self, session, current=None):
        return -2


class Files(omero.api.RawFileStore):
    def read(self, position, length, current=None):
        return bytes([position % 256]) * length


class Factory(omero.api.ServiceFactory):
    def __init__(self, adapter, category, key):
        self.adapter = adapter
        self.category = category
        self.key = key
        self.detached = False

    def service(self, servant, prx, name):
        identity = Ice.Identity(name, self.category)
        if self.adapter.find(identity) is None:
            self.adapter.add(servant, identity)
        proxy = self.adapter.createProxy(identity)
        return prx.uncheckedCast(proxy)

    def getAdminService(self, current=None):
        return self.service(Admin(self.key), omero.api.IAdminPrx, "admin")

    def getConfigService(self, current=None):
        return self.service(Config(), omero.api.IConfigPrx, f"config{len(self.category)}")

    def getQueryService(self, current=None):
        return self.service(Query(), omero.api.IQueryPrx, "query")

    def getSessionService(self, current=None):
        return self.service(Sessions(), omero.api.ISessionPrx, "session")

    def getUpdateService(self, current=None):
        return self.service(Update(), omero.api.IUpdatePrx, "update")

    def createRawFileStore(self, current=None):
        return self.service(Files(), omero.api.RawFileStorePrx, "files")

    def keepAlive(self, proxy, current=None):
        return True

    def closeOnDestroy(self, current=None):
        self.detached = False

    def detachOnDestroy(self, current=None):
        self.detached = True

    def destroy(self, current=None):
        self.adapter.remove(current.id)
        if not self.detached:
            SESSIONS.pop(self.key, None)


class Manager(Glacier2.SessionManager):
    def create(self, user, control, current=None):
        client = current.ctx.get("omero.client.uuid")
        if not client:
            raise omero.WrappedCreateSessionException("no omero.client.uuid", False, 0, "ome.conditions.ApiUsage")
        category = f"session-{client}"
        # As OMERO does it: a client reaches the objects of its own session, and nothing else.
        control.categories().add([category])
        key = user if user in SESSIONS else str(uuid.uuid4())
        SESSIONS.setdefault(key, user)
        factory = Factory(current.adapter, category, key)
        proxy = current.adapter.add(factory, Ice.Identity(key, category))
        return Glacier2.SessionPrx.uncheckedCast(proxy)


VERSION = sys.argv[1]


def main():
    properties = Ice.createProperties()
    for argument in sys.argv[2:]:
        name, value = argument.split("=", 1)
        properties.setProperty(name, value)
    with communicator_with(properties) as communicator:
        adapter = communicator.createObjectAdapterWithEndpoints("OMERO", "tcp -h 127.0.0.1")
        adapter.add(Verifier(), communicator.stringToIdentity("verifier"))
        adapter.add(Manager(), communicator.stringToIdentity("manager"))
        adapter.activate()
        print(f"ready {adapter.getEndpoints()[0].getInfo().port}", flush=True)
        sys.stdin.read()


main()
