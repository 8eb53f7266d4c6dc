def rstring(text):
    return str(text)


def rlong(number):
    return int(number)
