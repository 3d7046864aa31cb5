"""What the pages have in common: templates, charts, pictures."""
