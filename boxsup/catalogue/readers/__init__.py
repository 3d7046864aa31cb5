"""The formats that data sets are read from: one module each, found here by its name in the configuration.

A reader lists the images of a split and gives for each a check that reads all of its files; what comes of it is the
same for all formats (`boxsup.catalogue.records`), and so are the tables that later stages read.
"""

from __future__ import annotations

from boxsup.catalogue.readers import coco, context, labelme, sbd, voc, voc_xml, yolo
from boxsup.catalogue.records import Reader

READERS: dict[str, Reader] = {
    "voc": voc.read_split,  # and `shapes`, which is generated in this layout
    "sbd": sbd.read_split,
    "coco": coco.read_split,
    "context": context.read_split,
    "voc_xml": voc_xml.read_split,
    "yolo": yolo.read_split,
    "labelme": labelme.read_split,
}
