"""The page of `boxsup review`; `boxsup.review` serves it."""
