"""What every method that trains stands on: the one loop, data on the device, checkpoints, the context of a step."""
