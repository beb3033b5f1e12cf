"""The files of a measured model, readable without torch."""

MEASUREMENTS_FILE = "measurements.json"
PREDICTIONS_FILE = "predictions.npy"  # outputs on the test split in its order, fp16
