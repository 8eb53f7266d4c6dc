"""Parameters are checked as OMERO checks them: unknown inputs are left out, missing ones take their default, or fail."""

import json
import os
import sys


class Parameter:
    def __init__(self, name, optional=True, default=None, values=None, description=None):
        self.name, self.optional, self.default, self.values = name, optional, default, values

    def ofType(self, of):
        self.of = of
        return self


class Bool(Parameter):
    kinds = (bool,)


class String(Parameter):
    kinds = (str,)


class Long(Parameter):
    kinds = (int,)


class List(Parameter):
    kinds = (list,)


class Client:
    def __init__(self, parameters):
        given = json.load(open(os.environ["SCRIPT_INPUTS"]))
        self.inputs, self.outputs = {}, {}
        for p in parameters:
            value = given.get(p.name, p.default)
            if value is None:
                if not p.optional:
                    raise SystemExit("%s is missing" % p.name)
                continue
            if type(value) not in p.kinds:
                raise SystemExit("%s has the wrong type" % p.name)
            self.inputs[p.name] = value

    def getInputs(self, unwrap=False):
        return dict(self.inputs)

    def setOutput(self, name, value):
        self.outputs[name] = value.getValue()

    def closeSession(self):
        json.dump(self.outputs, open(os.environ["SCRIPT_OUTPUTS"], "w"))


def client(name, description, *parameters, **more):
    # The server runs a script in this way to learn its parameters; nothing else of it may run then.
    if os.environ.get("SCRIPT_PARSE"):
        json.dump([[type(p).__name__, p.name, p.optional, p.default] for p in parameters], sys.stdout)
        sys.exit(0)
    return Client(parameters)
