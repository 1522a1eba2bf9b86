"""Messages that leave and what comes back: relaying, mailings, reports, bounces and answers."""
