"""One module a chart: a data frame in, a Plotly figure out."""
