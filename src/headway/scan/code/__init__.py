"""``scan code``: what sends a token in a URL, logs one, or reads one where it should not."""
