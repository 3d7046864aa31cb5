"""Writes masks as other tools' files: VOC, COCO, YOLO, LabelMe, Cityscapes, Label Studio; and tight boxes."""
