"""Cell nuclei: which pixels of a microscope's image belong to one."""
