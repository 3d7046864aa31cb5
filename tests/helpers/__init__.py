"""What tests share: made-up data, small networks, and the programs that tests start."""
