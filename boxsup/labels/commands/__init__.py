"""The thin commands of the label stages."""
