"""The page of `boxsup masks`: every mask to look at, the worst first."""
