"""What all pages are made with: templates, colours, pictures."""
