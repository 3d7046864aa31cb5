"""`boxsup review`: a page on this machine on which a person decides on masks, box by box."""
