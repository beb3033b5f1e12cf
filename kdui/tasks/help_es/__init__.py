"""Sentences of LibreOffice's help, to be translated into Spanish."""
