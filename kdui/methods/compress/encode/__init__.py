"""Encoding: the weights of an exported graph in a container of codebooks, runs of zeros and Huffman codes."""
