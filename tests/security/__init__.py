"""What outsiders may not reach: markup that runs, addresses that are asked, secrets that come out; and the table of threats."""
