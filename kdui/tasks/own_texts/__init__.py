"""A person's own texts with a label each: a table, or a folder with one for each split."""
