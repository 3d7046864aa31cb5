"""Generates the demo data: pictures of drawn shapes with their boxes and masks."""
