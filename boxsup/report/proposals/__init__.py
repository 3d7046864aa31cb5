"""The page that compares the proposals of a split."""
