"""The thin commands of the training stages."""
