"""Requests of people: opened, planned over the connected systems, run, answered, and shown to whoever may ask."""
