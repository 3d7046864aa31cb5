"""The thin commands of the evaluation stages."""
