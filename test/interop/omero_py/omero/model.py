class Container:
    def __init__(self):
        self.name = self.description = None
        self.id = 0

    def setName(self, name):
        self.name = name.getValue()

    def setDescription(self, text):
        self.description = text.getValue()

    def getId(self):
        return self

    def getValue(self):
        return self.id


class DatasetI(Container):
    pass


class ScreenI(Container):
    pass


class FileAnnotationI:
    def __init__(self, id, loaded):
        self.id = id
