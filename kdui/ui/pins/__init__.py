"""What can be pinned: every figure, table and sentence of Runs, Explore and Compare, made anew by the function that shows it."""
