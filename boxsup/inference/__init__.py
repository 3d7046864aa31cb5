"""From a checkpoint to the scores and label maps of images."""
