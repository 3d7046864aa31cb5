"""One epoch of training: a pure function of settings, seed, epoch, checkpoint and labels."""
