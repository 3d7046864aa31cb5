"""`boxsup run`: Snakemake as a user calls it, and what it does in plain words."""
