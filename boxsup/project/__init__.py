"""A project of one's own: from images and annotations to a configuration that runs."""
