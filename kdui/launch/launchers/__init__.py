"""Places where runs run: one module each, named by KDUI_LAUNCHER (see ``kdui.launch.launcher``)."""
