"""From boxes to label maps: overlaps, the masks that never change, and the update of the method."""
