"""Experiments: where their results lie, and what each of them needs."""
