"""Regular expressions that take time in proportion to the text, whatever the pattern: RE2's syntax, as Go has
it.

Python's ``re`` goes back and tries again, which a definition from anywhere could make last forever, and its
syntax is another.
"""
