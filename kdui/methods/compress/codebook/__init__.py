"""Non-uniform quantization of a trained module: few shared values for each layer, packed as indices into a codebook."""
