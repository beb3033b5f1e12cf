"""How a raw example becomes the arrays that a graph takes: one module a modality, without torch."""
