"""From a checkpoint to scores and label maps of whole images."""
