"""Images in general: boxes, files, colours, masks as runs."""

VOID = 255  # the label of a pixel whose class is not known; it is neither trained on nor evaluated
