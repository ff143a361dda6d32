"""Verbs on daemons: questions to one or to the whole fleet, and changes there."""
