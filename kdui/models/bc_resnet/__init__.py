"""Networks with broadcasted residuals."""
