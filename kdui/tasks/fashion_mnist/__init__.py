"""Fashion-MNIST: ten kinds of clothing as 28×28 images."""
