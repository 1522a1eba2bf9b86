"""How people, and what they said, come in: files, forms, other systems, and their own pages."""
