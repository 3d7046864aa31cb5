"""The codes of targets, from which an object network learns: one uint8 per pixel of a crop."""

OBJECT, UNKNOWN = 254, 255  # surely the object (0: surely not; between them a share), and not known
