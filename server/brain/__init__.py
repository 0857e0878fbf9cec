"""Brains: what is asked -> what is answered, as it is being thought of."""
