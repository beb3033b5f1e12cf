"""The files of a measured model, readable without torch."""

MEASUREMENTS_FILE = "measurements.json"
PREDICTIONS_FILE = "predictions.npy"  # outputs on the test split in its order, fp32 (fp16 in old ones)
QUALITY_FILE = "quality.npz"  # right [n]: which test examples it has right; part [n]: of which task, where several are one
KERNELS_FILE = "kernels.json"  # precision, multiply-adds and time of every kernel; where speed was measured
