"""From boxes to label maps: overlaps with candidates, baselines that never change, and the update of the method."""
