"""What keeps connected systems true without anybody's asking: retention, and the writing back of choices."""
