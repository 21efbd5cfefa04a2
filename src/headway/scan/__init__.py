"""Find tokens in URLs wherever they landed, redact them, and mend the code that sends them."""
