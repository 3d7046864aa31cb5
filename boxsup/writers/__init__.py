"""Writes masks as other tools' files: VOC's palette PNGs, COCO's JSON, YOLO's and LabelMe's polygons, tight boxes."""
