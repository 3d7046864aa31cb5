"""The user's own project: turns images and annotations into a configuration that runs (`boxsup init`)."""
