"""What every verb stands on: the open house, the one write path, addresses, tokens, tasks, receipts, reveal."""
