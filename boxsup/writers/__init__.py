"""Masks as other tools' files: VOC's palette PNGs, COCO's JSON, YOLO's polygons, tightened boxes."""
