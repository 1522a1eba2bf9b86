"""Keeping the record, and letting go of it: audit, backup, journal, witnesses, rotation, exports, erasure."""
