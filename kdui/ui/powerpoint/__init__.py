"""A presentation as a PowerPoint file: native text, tables and charts, so that a presenter can go on editing them."""
