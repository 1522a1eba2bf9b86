"""The law book as it is read, compared, renewed, and counted by the clock."""
