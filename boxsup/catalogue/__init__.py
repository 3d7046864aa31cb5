"""From a data set on disk to checked tables of images and boxes."""
