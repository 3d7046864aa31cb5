"""The page that sets experiments beside the tables of the paper."""
