"""Where runs run: the dispatcher, the machine's slots, and one module a launcher."""
