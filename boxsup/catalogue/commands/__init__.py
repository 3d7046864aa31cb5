"""The thin commands of the data stages."""
