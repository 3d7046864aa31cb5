"""The settings, each declared once: its type, default, bounds, meaning, and the paper's value."""
