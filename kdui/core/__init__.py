"""The nouns of kdui: frozen plain data that every other layer shares.

Imports pydantic and the standard library only, so any process can read a recipe, a run or a
measurement in milliseconds.
"""
