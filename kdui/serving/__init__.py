"""One separate process beside the page that answers what needs a model at once."""
