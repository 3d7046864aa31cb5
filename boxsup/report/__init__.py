"""What people see: the page of an experiment, and single images of a generation."""
