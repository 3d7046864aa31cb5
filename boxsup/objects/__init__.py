"""A network that looks into one box at a time and says which pixels are the object: crops, training, maps."""
