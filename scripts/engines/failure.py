class EnginesFailed(Exception):
    """The sentence is meant for the person at the terminal: what is wrong, and what to do."""
