"""The connected systems of a workspace: its data map, and the walk over it that finds one person's rows."""
