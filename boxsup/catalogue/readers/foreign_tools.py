"""Recognises annotations of other tools in forms that are not read, to say what to export in their place."""

from __future__ import annotations

from typing import Any

ADVICE = "export COCO, YOLO or VOC from there"


def tool_of_json(content: Any) -> str:  # noqa: ANN401 - JSON
    """What a JSON is that is not COCO's instances, and what to do, to follow the message; "" if nobody can tell.

    >>> tool_of_json([{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}])
    ": it looks like Label Studio's own JSON; export COCO, YOLO or VOC from there"
    >>> tool_of_json({"images": []})
    ''
    """
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, dict):
        if "data" in first and first.keys() & {"annotations", "completions", "predictions"}:
            return f": it looks like Label Studio's own JSON; {ADVICE}"
        if {"image_id", "category_id"} <= first.keys():
            return ": it looks like COCO's results; they need a file with their images and categories"
        if {"image", "annotations"} <= first.keys():
            return ": it looks like CreateML's JSON; export COCO, or YOLO, from the tool that wrote it"
    if not isinstance(content, dict):
        return ""
    if "shapes" in content:
        return ": it looks like LabelMe's; name the folder that it is in"
    if "_via_img_metadata" in content or any(isinstance(each, dict) and "regions" in each for each in content.values()):
        return ": it looks like VIA's own JSON; export COCO from there"
    if {"objects", "size"} <= content.keys():
        return f": it looks like Supervisely's own JSON; {ADVICE}"
    return ""


def tool_of_xml(root: str) -> str:
    """What an XML is that is not VOC's, and what to do, by the name of its root; "" if nobody can tell.

    >>> tool_of_xml("annotations")
    "; CVAT's own has it: export COCO, YOLO or VOC from there"
    """
    return f"; CVAT's own has it: {ADVICE}" if root == "annotations" else ""
