"""Label maps against true masks: the VOC protocol, the learning curve, the quality of pseudo-masks."""
