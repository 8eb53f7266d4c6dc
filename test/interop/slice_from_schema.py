"""Writes the schema of src/omero/ice as Slice and loads it, so that ZeroC's own runtime speaks the same interface."""

import contextlib
import json
import os
import tempfile

import Ice

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, "..", "..", "src", "omero", "ice", "omero-schema.json")
# Debian's place, or that of the package from PyPI.
SLICE_ROOTS = ("/usr/share/ice/slice", os.path.join(os.path.dirname(Ice.__file__), "slice"))
PRIMITIVES = ("bool", "byte", "short", "int", "long", "float", "double", "string")


def slice_root():
    """The runtime's own Slice files: another version's would not fit it."""
    return next(root for root in reversed(SLICE_ROOTS) if os.path.isdir(root))


def load_schema():
    with open(SCHEMA, encoding="utf-8") as file:
        return json.load(file)


class Writer:
    def __init__(self, schema):
        self.schema = schema
        self.named = {}

    def type(self, text):
        if text in PRIMITIVES:
            return text
        if text == "enum":
            return "::gen::Enumeration"
        if text == "*":
            return "Object*"
        if text == "@" or (text.startswith("::") and text not in self.schema["classes"]):
            return "Object"
        if text.startswith("::"):
            return text
        if text not in self.named:
            if text == "bytes":
                definition = "sequence<byte>"
            elif text.startswith("["):
                definition = f"sequence<{self.type(text[1:-1])}>"
            else:
                key, value = text[1:-1].split(":", 1)
                definition = f"dictionary<{self.type(key)}, {self.type(value)}>"
            self.named[text] = (f"Type{len(self.named)}", definition)
        return f"::gen::{self.named[text][0]}"

    @staticmethod
    def within(type_id, body):
        *modules, name = type_id.strip(":").split("::")
        opened = " ".join(f"module {m} {{" for m in modules)
        return f"{opened} {body.replace('NAME', name)} {'};' * len(modules)}"

    def shape(self, kind, type_id, data):
        members = " ".join(f"{self.type(t)} \\{name};" for name, t in data["members"].items())
        base = f" extends {data['base']}" if "base" in data else ""
        return self.within(type_id, f"{kind} NAME{base} {{ {members} }};")

    def ordered(self, shapes):
        done = []

        def add(type_id):
            base = shapes[type_id].get("base")
            if base in shapes:
                add(base)
            if type_id not in done:
                done.append(type_id)

        for type_id in shapes:
            add(type_id)
        return done

    def interface(self, name):
        data = self.schema["interfaces"][name]
        lines = []
        for operation, o in data["operations"].items():
            mode = "idempotent " if o.get("idempotent") else ""
            out = self.type(o["out"]) if o["out"] else "void"
            parameters = ", ".join(f"{self.type(t)} a{i}" for i, t in enumerate(o["in"]))
            lines.append(f"{mode}{out} \\{operation}({parameters}) throws ::omero::ServerError;")
        bases = [self.schema["interfaces"][b]["type"] for b in data.get("extends", [])]
        extends = f" extends {', '.join(bases)}" if bases else ""
        return self.within(data["type"], f"interface NAME{extends} {{ {' '.join(lines)} }};")

    def text(self):
        classes, exceptions = self.schema["classes"], self.schema["exceptions"]
        own = {k: v for k, v in exceptions.items() if not k.startswith("::Glacier2::")}
        interfaces = [n for n, i in self.schema["interfaces"].items() if not i["type"].startswith("::Glacier2::")]
        interfaces.sort(key=lambda n: len(self.schema["interfaces"][n].get("extends", [])) + (n == "ServiceFactory"))
        forward = [self.within(c, "class NAME;") for c in classes]
        body = [self.shape("class", c, classes[c]) for c in self.ordered(classes)]
        body += [self.shape("exception", e, own[e]) for e in self.ordered(own)]
        body += [self.interface(n) for n in interfaces]
        enumeration = ", ".join(f"value{i}" for i in range(127))
        named = " ".join(f"{definition} {name};" for name, definition in self.named.values())
        return "\n".join(
            ["#include <Glacier2/Router.ice>", "#include <Glacier2/Session.ice>"]
            + [f"module gen {{ enum Enumeration {{ {enumeration} }}; }};"]
            + forward
            + [f"module gen {{ {named} }};"]
            + body
        )


@contextlib.contextmanager
def communicator_with(properties):
    """As `with Ice.initialize(…)`, which 3.6 does not know yet."""
    init = Ice.InitializationData()
    init.properties = properties
    communicator = Ice.initialize(init)
    try:
        yield communicator
    finally:
        communicator.destroy()


def load():
    """Defines the schema's Python classes and returns the schema."""
    import Glacier2  # noqa: F401  before loadSlice: its definitions would otherwise be made twice

    schema = load_schema()
    with tempfile.NamedTemporaryFile("w", suffix=".ice", encoding="utf-8") as file:
        file.write(Writer(schema).text())
        file.flush()
        Ice.loadSlice("", ["-I" + slice_root(), "--all", file.name])
    return schema
