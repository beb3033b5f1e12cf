"""What Compare takes inputs with: a module each, found by ``kdui.ui.input_widget.INPUTS``."""
