"""Experiments of a configuration: where their results are, and what each of them needs."""
