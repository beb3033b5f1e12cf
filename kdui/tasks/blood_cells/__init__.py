"""Blood cells: where red cells, white cells and platelets are in a microscope's image."""
