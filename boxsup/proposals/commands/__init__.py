"""The thin commands of the proposal stages."""
