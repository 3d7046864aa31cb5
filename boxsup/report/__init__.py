"""What people see: the pages of an experiment, of the paper and of proposals, and the pictures on them."""
