"""Readers of data sets: one module per format, listed here by the name of the format in the configuration.

A reader lists the images of a split and returns one check per image, which reads all files of that image. Records
(`boxsup.catalogue.records`), and the tables that later stages read, are the same for all formats.
"""

from __future__ import annotations

from boxsup.catalogue.readers import coco, context, labelme, sbd, voc, voc_xml, yolo
from boxsup.catalogue.records import Reader

READERS: dict[str, Reader] = {
    "voc": voc.read_split,  # also reads `shapes`, which is generated in this layout
    "sbd": sbd.read_split,
    "coco": coco.read_split,
    "context": context.read_split,
    "voc_xml": voc_xml.read_split,
    "yolo": yolo.read_split,
    "labelme": labelme.read_split,
}
