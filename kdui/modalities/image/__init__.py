"""Images: uint8 pixels, whatever the file that they came in."""
