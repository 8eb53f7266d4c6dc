class RString:
    """Text as OMERO passes it: only `getValue` gives it back."""

    def __init__(self, text):
        self.value = text

    def getValue(self):
        return self.value


def rstring(text):
    return RString(str(text))


def rlong(number):
    return int(number)


def robject(held):
    return RString("%s:%s" % (type(held).__name__, held.id))


def wrap(values):
    return RString(" ".join("%s=%s" % pair for pair in sorted(values.items())))
